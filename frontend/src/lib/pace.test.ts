import { describe, expect, test } from 'vitest'
import { evenPace, truePace } from './pace'

describe('the true pace', () => {
  const pace = truePace([
    [10, 0.5],
    [20, 1],
    [30, 601],
    [40, 601.5],
  ])

  test('shows what was there then, and shortens pauses', () => {
    expect(pace.seconds).toBe(3.5)
    expect([0, 0.4, 0.5, 0.99, 1, 2.9, 3, 3.5, 99].map(pace.bytesAt)).toEqual([0, 0, 10, 10, 20, 20, 30, 40, 40])
  })

  test('tells when that was', () => {
    expect([0, 0.25, 1, 2, 3, 3.5].map(pace.momentAt)).toEqual([0, 0.25, 1, 301, 601, 601.5])
  })

  test('of nothing, of all at once, and of a clock that was put back', () => {
    expect(truePace([]).bytesAt(1)).toBe(0)
    expect(truePace([[5, 0]]).seconds).toBe(1)
    expect(truePace([[5, 0]]).bytesAt(0)).toBe(5)
    const back = truePace([
      [5, 1.5],
      [7, 0.5],
    ])
    expect([back.seconds, back.bytesAt(1), back.bytesAt(1.5)]).toEqual([1.5, 0, 7])
  })
})

test('an even pace has an end', () => {
  const pace = evenPace(100, 10)
  expect([-1, 0, 5, 10, 11].map(pace.bytesAt)).toEqual([0, 0, 50, 100, 100])
  expect(evenPace(100, 0).seconds).toBe(1)
})
