/** How long to wait before trying again: doubling, capped, jittered so that a thousand tabs don't knock at once. */

export function backoff(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(15_000, 400 * 2 ** Math.min(attempt, 8))
  return full / 2 + (full / 2) * random()
}
