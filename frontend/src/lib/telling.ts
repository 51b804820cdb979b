/** Tells the page that something changed, and tells it again to whom that came too soon.
 *
 * htmx's `throttle` forgets what comes within its time after the last request. Of two changes soon after each other the
 * page would show the first, and the last one never.
 */
const pause = 250 // less than the shortest throttle, and few enough questions while a long one lasts
const pending = new Map<string, number>()

/** Where htmx keeps what it knows of an element; `throttle` is its timer while it takes no event. */
type Known = Element & { 'htmx-internal-data'?: { throttle?: unknown } }

function isDeaf(name: string): boolean {
  return [...document.querySelectorAll<Known>('[hx-trigger]')].some(
    (element) =>
      element['htmx-internal-data']?.throttle &&
      element
        .getAttribute('hx-trigger')!
        .split(/[\s,]+/)
        .includes(name),
  )
}

export function tell(name: string, detail?: unknown) {
  const again = isDeaf(name)
  document.body.dispatchEvent(new CustomEvent(name, { detail }))
  if (!again || pending.has(name)) return
  const later = () => {
    pending.delete(name)
    tell(name, detail)
  }
  pending.set(name, window.setTimeout(later, pause))
}
