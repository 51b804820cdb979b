import { describe, expect, it } from 'vitest'
import { joined, longest, most, now, paths, type Share } from './line'

const ending = (values: Share[]) => [...Array<Share>(longest - values.length).fill(null), ...values]

describe('a line beside a row', () => {
  it('grows at its end and forgets its beginning', () => {
    const full = joined(undefined, 1000, 10, Array<Share>(longest).fill(5))
    const grown = joined(full, 1010, 10, [7])
    expect(grown.at).toBe(1010)
    expect(grown.values).toHaveLength(longest)
    expect(grown.values.slice(-2)).toEqual([5, 7])
  })

  it('has a hole where nothing was told, and "now" only at its end', () => {
    const line = joined(joined(undefined, 1000, 10, [1]), 1030, 10, [4])
    expect(line.values).toEqual(ending([1, null, null, 4]))
    expect(now(line)).toBe(4)
    const stopped = joined(line, 1040, 10, [null])
    expect([now(stopped), most(stopped)]).toEqual([null, 4])
  })

  it('takes what comes late or twice where it belongs', () => {
    const line = joined(joined(undefined, 1020, 10, [3]), 1010, 10, [1, 2])
    expect(line.at).toBe(1020)
    expect(line.values).toEqual(ending([1, 2, 3]))
    expect(joined(line, 1020, 10, [2, 3])).toEqual(line)
  })

  it('is drawn in pieces, each with its own ground', () => {
    const { stroke, area } = paths({ at: 0, values: ending([0, 100, null, 50]) })
    expect(stroke).toBe('M57 19.0L58 1.0M60 10.0')
    expect(area).toBe('M57 19.0L58 1.0L58 20L57 20ZM60 10.0L60 20L60 20Z')
    expect(paths({ at: 0, values: ending([]) })).toEqual({ stroke: '', area: '' })
  })
})
