/** Builds the console's pages into dist/, whose manifest Django reads.
 *
 * Nothing is inlined (the Content-Security-Policy allows no data: scripts), and Tabler's style sheet is cut down to
 * the classes our templates use: whole it would be larger than a list page may be.
 */
import { defineConfig } from 'vitest/config'
import { sprite } from './build/sprite'
import { trimmedTabler } from './build/tabler'

export default defineConfig({
  base: '/static/',
  plugins: [sprite()],
  publicDir: 'public',
  css: { postcss: { plugins: [trimmedTabler()] } },
  build: {
    outDir: 'dist',
    manifest: 'manifest.json',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    rollupOptions: { input: 'src/main.ts' },
  },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts'] },
})
