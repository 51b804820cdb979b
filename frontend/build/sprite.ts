/** One SVG with just the icons that templates, Python and TypeScript name; an unknown name fails the build. */
import { join } from 'node:path'
import type { Plugin } from 'vite'
import { sources, text } from './sources'

const folder = join(import.meta.dirname, '..', 'node_modules', '@tabler', 'icons', 'icons')
// {% icon "server" %} · icon_name="server" and icon="server" (tag arguments) · Icon("server") in Python
const named = /\b(?:icon(?:_name)?\s*[ =]\s*|Icon\()["']([a-z0-9-]+)["']/g

function symbol(name: string): string {
  const [folderName, file] = name.endsWith('-filled') ? ['filled', name.slice(0, -'-filled'.length)] : ['outline', name]
  const svg = text(join(folder, folderName, `${file}.svg`))
  const inner = svg.slice(svg.indexOf('>', svg.indexOf('<svg')) + 1, svg.lastIndexOf('</svg>'))
  const paint =
    folderName === 'filled'
      ? 'fill="currentColor"'
      : 'fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"'
  return `<symbol id="${name}" viewBox="0 0 24 24" ${paint}>${inner.replace(/\s+/g, ' ').trim()}</symbol>`
}

export function sprite(): Plugin {
  return {
    name: 'sprite',
    generateBundle() {
      const names = new Set(sources().flatMap((path) => [...text(path).matchAll(named)].map((hit) => hit[1] ?? '')))
      const symbols = [...names].sort().map(symbol).join('\n')
      this.emitFile({
        type: 'asset',
        name: 'icons.svg',
        originalFileName: 'src/icons.svg',
        source: `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols}\n</svg>\n`,
      })
      // Like the sprite it is asked for by templates only, so nothing imports it.
      this.emitFile({
        type: 'asset',
        name: 'favicon.svg',
        originalFileName: 'src/favicon.svg',
        source: text(join(import.meta.dirname, '..', 'src', 'favicon.svg')),
      })
    },
  }
}
