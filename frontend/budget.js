/** What a list page costs on the wire, compressed: scripts and style sheets that it loads at once, and its HTML if given.
 *
 * usage: node budget.js [page.html]   Fails over the limit. The sprite and the font are cached for good and not counted.
 */
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const limit = 80_000
const manifest = JSON.parse(readFileSync(new URL('dist/manifest.json', import.meta.url), 'utf8'))
const weigh = (path) => gzipSync(readFileSync(path), { level: 9 }).length
const built = (file) => new URL(`dist/${file}`, import.meta.url)

const entry = manifest['src/main.ts']
const files = [entry.file, ...(entry.css ?? []), ...(entry.imports ?? []).map((key) => manifest[key].file)]
const rows = files.map((file) => [file, weigh(built(file))])
if (process.argv[2]) rows.push([process.argv[2], weigh(process.argv[2])])
const total = rows.reduce((sum, [, size]) => sum + size, 0)
for (const [file, size] of rows) console.log(`${(size / 1000).toFixed(1).padStart(6)} kB  ${file}`)
console.log(`${(total / 1000).toFixed(1).padStart(6)} kB  of ${limit / 1000} kB`)
if (total > limit) process.exit(1)
