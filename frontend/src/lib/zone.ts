/** The reader's time zone: chosen in the preferences, else the browser's own. */

let known: string | undefined
let read = false

export function zone(): string | undefined {
  if (read) return known
  read = true
  const chosen = document.documentElement.dataset.zone
  try {
    if (chosen) new Intl.DateTimeFormat('en', { timeZone: chosen })
    known = chosen || undefined
  } catch {
    known = undefined // a zone that is newer than this browser
  }
  return known
}

export const browsersZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone
