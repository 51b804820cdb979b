/** Relative times stay true while the page is open; hovering shows the exact one in the reader's zone and in UTC. */
import { ago } from '../lib/format'
import { zone } from '../lib/zone'

export function tellTimes(root: ParentNode = document) {
  const now = new Date()
  const language = document.documentElement.lang
  for (const element of root.querySelectorAll<HTMLTimeElement>('time[data-ago]')) {
    const then = new Date(element.dateTime)
    const said = ago(then, now, language)
    if (element.textContent !== said) element.textContent = said
    if (!element.title.includes('·')) {
      const utc = then.toISOString().replace('T', ' ').slice(0, 19)
      element.title = `${then.toLocaleString(language, { timeZone: zone() })} · ${utc} UTC`
    }
  }
}

export function times() {
  tellTimes()
  window.setInterval(() => {
    if (!document.hidden) tellTimes()
  }, 20_000)
}
