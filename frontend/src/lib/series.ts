/** Points in time as columns, the shape uPlot draws. A null is a gap and is never drawn as nought. */
import type { Point } from './feed'

export type Columns = [number[], ...(number | null)[][]]

/** Add live points: newer ones only, oldest forgotten, and a gap where nothing was heard for too long. */
export function grow(
  columns: Columns,
  points: Point[],
  keys: string[],
  options: { keep: number; gap: number },
): Columns {
  const [times, ...lines] = columns
  const at = [...times]
  const values = lines.map((line) => [...line])
  for (const point of points) {
    const before = at.at(-1)
    if (before !== undefined && point.at <= before) continue
    if (before !== undefined && point.at - before > options.gap) {
      at.push(before + 0.001)
      for (const line of values) line.push(null)
    }
    at.push(point.at)
    keys.forEach((key, index) => values[index]?.push(point[key] ?? null))
  }
  const oldest = (at.at(-1) ?? 0) - options.keep
  const from = at.findIndex((time) => time >= oldest)
  return [at.slice(Math.max(0, from)), ...values.map((line) => line.slice(Math.max(0, from)))]
}

/** The latest value that is known. */
export function last(line: (number | null)[] | undefined): number | null {
  if (!line) return null
  for (let at = line.length - 1; at >= 0 && at >= line.length - 3; at -= 1) {
    const value = line[at]
    if (value != null) return value
  }
  return null
}

/** Add live points of one of several machines, on their common grid: within one step the newest value counts. */
export function growOne(
  columns: Columns,
  line: number,
  points: { at: number; value: number | null }[],
  options: { keep: number; step: number },
): Columns {
  const at = [...columns[0]]
  const values = columns.slice(1).map((column) => [...(column as (number | null)[])])
  for (const point of points) {
    const slot = Math.floor(point.at / options.step) * options.step
    if (slot < (at.at(-1) ?? 0) - 3 * options.step) continue
    let row = at.lastIndexOf(slot)
    if (row < 0) {
      row = at.findIndex((time) => time > slot)
      if (row < 0) row = at.length
      at.splice(row, 0, slot)
      // Until its own look of this step comes, a line ends one step earlier: that is no gap.
      values.forEach((column) => column.splice(row, 0, null))
    }
    values[line]![row] = point.value
  }
  const from = Math.max(
    0,
    at.findIndex((time) => time >= (at.at(-1) ?? 0) - options.keep),
  )
  return [at.slice(from), ...values.map((column) => column.slice(from))]
}

export type Extent = { least: number; most: number }

/** The least and the most of what is known. */
export function extent(line: (number | null)[] | undefined): Extent | undefined {
  let found: Extent | undefined
  for (const value of line ?? []) {
    if (value == null) continue
    found ??= { least: value, most: value }
    if (value < found.least) found.least = value
    if (value > found.most) found.most = value
  }
  return found
}
