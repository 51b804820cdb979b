/** At which pace something recorded is played again. No DOM in here.
 *
 * Where it is known how it grew, it grows as it did then; only pauses that are longer than anybody wants to watch are
 * shortened. Else it grows evenly over the time it took.
 */

/** So many bytes were there so many seconds after the start. */
export type Step = readonly [bytes: number, seconds: number]

export interface Pace {
  /** How long playing it takes. */
  seconds: number
  /** What is shown after so many seconds of playing. */
  bytesAt: (at: number) => number
  /** How many seconds after the start that was, back then. */
  momentAt: (at: number) => number
}

const longestPause = 2 // seconds
const shortest = 1 // seconds, so that there is something to move along

export function truePace(steps: readonly Step[]): Pace {
  const played: number[] = []
  let at = 0
  let before = 0
  for (const [, seconds] of steps) {
    const gap = Math.max(seconds - before, 0)
    at += Math.min(gap, longestPause)
    before += gap
    played.push(at)
  }
  const last = (now: number) => {
    let low = 0
    let high = played.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (played[middle]! <= now) low = middle + 1
      else high = middle
    }
    return low - 1
  }
  const then = (number: number) => (number < 0 ? 0 : steps[number]![1])
  return {
    seconds: Math.max(at, shortest),
    bytesAt: (now) => steps[last(now)]?.[0] ?? 0,
    momentAt: (now) => {
      const number = last(now)
      const begins = number < 0 ? 0 : played[number]!
      if (number + 1 >= played.length) return then(number)
      const share = (now - begins) / (played[number + 1]! - begins)
      return then(number) + share * (then(number + 1) - then(number))
    },
  }
}

export function evenPace(length: number, seconds: number): Pace {
  const whole = Math.max(seconds, shortest)
  return {
    seconds: whole,
    bytesAt: (now) => Math.round((Math.min(Math.max(now, 0), whole) / whole) * length),
    momentAt: (now) => now,
  }
}
