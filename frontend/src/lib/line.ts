/** The line beside a row: whole percents at even steps, and the path they make. No DOM in here. */

export type Share = number | null
export type Line = { at: number; values: Share[] }

export const longest = 61 // ten minutes of ten seconds, with both ends
export const width = 60
export const height = 20

/** Put figures that end at `at` into a line. Whatever comes late, twice or after a pause ends up where it belongs. */
export function joined(line: Line | undefined, at: number, step: number, values: Share[]): Line {
  const before = line ?? { at, values: [] }
  const newest = Math.max(before.at, at)
  const made: Share[] = Array<Share>(longest).fill(null)
  for (const part of [before, { at, values }]) {
    const end = longest - 1 - Math.round((newest - part.at) / step)
    part.values.forEach((value, index) => {
      const slot = end - (part.values.length - 1 - index)
      if (slot >= 0 && (value != null || part !== before)) made[slot] = value
    })
  }
  return { at: newest, values: made }
}

/** The newest figure. A hole at the end is one: whoever stopped has no "now". */
export const now = (line: Line): Share => line.values.at(-1) ?? null

export function most(line: Line): Share {
  const known = line.values.filter((value) => value != null)
  return known.length ? Math.max(...known) : null
}

/** The line, and what lies below it. Nought to a hundred in every row, so that rows can be compared by eye. */
export function paths(line: Line): { stroke: string; area: string } {
  let stroke = ''
  let area = ''
  let begun = -1
  const x = (slot: number) => ((slot * width) / (longest - 1)).toFixed(0)
  const end = (last: number) => {
    if (begun >= 0) area += `L${x(last)} ${height}L${x(begun)} ${height}Z`
    begun = -1
  }
  line.values.forEach((value, slot) => {
    if (value == null) return end(slot - 1)
    const point = `${begun < 0 ? 'M' : 'L'}${x(slot)} ${(height - 1 - (value / 100) * (height - 2)).toFixed(1)}`
    if (begun < 0) begun = slot
    stroke += point
    area += point
  })
  end(longest - 1)
  return { stroke, area }
}
