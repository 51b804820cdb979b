/** Tabler without the rules nobody's template uses. Our own style sheets, and those of the islands, stay whole. */
import purgecss from '@fullhuman/postcss-purgecss'
import type { Plugin, Root } from 'postcss'
import { sources } from './sources'

export function trimmedTabler(): Plugin {
  return {
    postcssPlugin: 'trimmed-tabler',
    async OnceExit(root: Root, tools) {
      if (!root.source?.input.file?.includes('@tabler')) return
      const purge = purgecss({
        content: sources(),
        variables: true,
        keyframes: true,
        fontFace: true,
        // The classes that code puts together from a state's colour; see the tags in vmconsole/pages.py.
        safelist: {
          standard: [/^bg-(green|red|yellow|blue|azure|orange|secondary|purple)-lt$/, /^status-/, /^data-bs-theme/],
          variables: [/./],
        },
        blocklist: [/data-bs-navbar-theme/, /data-theme/],
      }) as Plugin
      await purge.OnceExit?.(root, tools)
    },
  }
}
