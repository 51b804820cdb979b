/** Every file of the project in which a class name or an icon can stand. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const project = resolve(import.meta.dirname, '..', '..')
const python = ['vmconsole', 'inventory', 'networking', 'storage', 'observability']

function* files(folder: string, endings: string[]): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* files(path, endings)
    else if (endings.some((ending) => entry.name.endsWith(ending))) yield path
  }
}

export function sources(): string[] {
  return [
    ...files(join(project, 'templates'), ['.html']),
    ...files(join(project, 'frontend', 'src'), ['.ts']),
    ...python.flatMap((app) => [...files(join(project, app), ['.py', '.html'])]),
  ]
}

export const text = (path: string) => readFileSync(path, 'utf8')
