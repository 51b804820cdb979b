/** The one time axis of all charts on a page: the range up to now, or a piece of time kept in the URL as `from` and `to`.
 *
 * Charts ask it for their window and hear when it moves; whoever drags over one chart moves all. The page may have a
 * head (`#axis`) that shows what is chosen, holds it as fields for tables, and has buttons for who cannot drag.
 */
import { moment } from './format'
import { zone } from './zone'

export type Zoom = { from: number; to: number }

export const leastSeconds = 20

const moved = new EventTarget()
let newest = 0

/** The piece of time that a URL speaks of. Nonsense is none: the server says so where it matters. */
export function zoomOf(search: string): Zoom | undefined {
  const asked = new URLSearchParams(search)
  const [from, to] = [Number(asked.get('from') ?? NaN), Number(asked.get('to') ?? NaN)]
  return to - from >= leastSeconds ? { from, to } : undefined
}

/** The window after a button: twice as near, twice as far, half a window earlier or later, but not after `now`. */
export function stepped(window: Zoom, how: string, now: number): Zoom {
  const length = window.to - window.from
  const middle = window.from + length / 2
  const half = how === 'in' ? Math.max(length / 4, leastSeconds / 2) : how === 'out' ? length : length / 2
  const shift = how === 'earlier' ? -length / 2 : how === 'later' ? length / 2 : 0
  const to = Math.min(middle + half + shift, now)
  return { from: Math.max(0, to - 2 * half), to }
}

export const zoom = () => zoomOf(location.search)
export const head = () => document.getElementById('axis')
export const newestSeen = () => newest
export const saw = (at: number) => (newest = Math.max(newest, at))

export function hear(again: () => void, signal: AbortSignal) {
  moved.addEventListener('moved', again, { signal })
}

export function move(to: Zoom | undefined) {
  const url = new URL(location.href)
  for (const name of ['from', 'to'] as const) {
    if (to) url.searchParams.set(name, to[name].toFixed(0))
    else url.searchParams.delete(name)
  }
  if (url.href === location.href) return
  history.pushState(history.state, '', url)
  tell()
}

function tell() {
  const [now, top] = [zoom(), head()]
  if (top) {
    for (const name of ['from', 'to'] as const) {
      const field = top.querySelector<HTMLInputElement>(`[name=${name}]`)
      if (field) [field.value, field.disabled] = [now ? now[name].toFixed(0) : '', !now]
    }
    show(top, now)
  }
  for (const link of document.querySelectorAll<HTMLAnchorElement>('a[data-axis-link]')) {
    link.search = now ? `?from=${now.from.toFixed(0)}&to=${now.to.toFixed(0)}` : ''
  }
  moved.dispatchEvent(new Event('moved'))
  for (const table of document.querySelectorAll('details[open][data-axis-table]')) {
    table.dispatchEvent(new Event('axis-moved'))
  }
}

function show(top: HTMLElement, now: Zoom | undefined) {
  const said = top.querySelector<HTMLElement>('[data-axis-said]')
  if (said) {
    const language = document.documentElement.lang
    said.textContent = now ? `${moment(now.from, language, zone())} – ${moment(now.to, language, zone())}` : ''
  }
  for (const only of top.querySelectorAll<HTMLElement>('[data-axis-zoomed]')) only.hidden = !now
}

let bound: HTMLElement | undefined

/** Wake the head of the page, once. */
export function bindHead() {
  const top = head()
  if (!top || top === bound) return
  bound = top
  show(top, zoom())
  window.addEventListener('popstate', tell)
  top.addEventListener('click', (event) => {
    const button = (event.target as Element).closest<HTMLElement>('[data-axis]')
    if (!button) return
    event.preventDefault()
    if (button.dataset.axis === 'whole') return move(undefined)
    const now = Math.max(newest, Date.now() / 1000)
    move(stepped(zoom() ?? { from: now - Number(top.dataset.length), to: now }, button.dataset.axis ?? '', now))
  })
}

/** A sentence about the whole page is said once, in its head. False where the page has none. */
export function note(text: string): boolean {
  const place = head()?.querySelector<HTMLElement>('[data-axis-note]')
  if (!place) return false
  place.textContent = text
  place.hidden = !text
  return true
}
