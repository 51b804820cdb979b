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
