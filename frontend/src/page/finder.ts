/** A box that finds everything: results in groups under it, chosen with the arrows, gone to with Enter. */
import { ask } from '../lib/http'
import { t } from '../lib/words'

export type Entry = {
  group: string
  label: string
  sub: string
  url: string
  post: boolean
  icon: string
  why?: string
  /** What to ask before, and the button that answers. */
  ask?: string
  yes?: string
  /** Its address is a dialog's. */
  dialog?: boolean
}
type Options = {
  /** Which entry is chosen before anybody moves: -1 for none, so that Enter is the form's. */
  first: number
  /** Whether an empty box lists the pages. */
  always: boolean
}

const spriteUrl = () => document.querySelector<HTMLElement>('[data-sprite]')?.dataset.sprite ?? ''
const pause = 80 // of typing; less: every letter asks the server

/** The pages of the navigation that match; known without asking the server. */
export function pages(query: string, links: Iterable<HTMLAnchorElement>): Entry[] {
  const wanted = query.trim().toLowerCase()
  return [...links]
    .map((link) => ({
      group: t('Pages'),
      label: link.dataset.title ?? link.textContent.trim(),
      sub: '',
      url: link.href,
      post: false,
      icon: link.dataset.icon ?? 'arrow-right',
    }))
    .filter((entry) => entry.label.toLowerCase().includes(wanted))
}

export function go(entry: Entry) {
  if (entry.why) return
  if (entry.post || entry.dialog) press(entry)
  else location.assign(entry.url)
}

/** A button as the page has them: it asks first where that hurts, and the operations panel tells how it went. */
function press(entry: Entry) {
  document.getElementById('palette-act')?.remove()
  document.querySelector<HTMLDialogElement>('#palette')?.close()
  const button = document.createElement('button')
  button.id = 'palette-act'
  button.hidden = true
  button.setAttribute(entry.post ? 'hx-post' : 'hx-get', entry.url)
  button.setAttribute('hx-target', entry.dialog ? '#dialog' : 'this')
  button.setAttribute('hx-swap', entry.dialog ? 'innerHTML' : 'none')
  if (entry.ask) button.dataset.ask = entry.ask
  if (entry.yes) button.dataset.askYes = entry.yes
  document.body.append(button)
  void import('htmx.org').then(({ default: htmx }) => {
    htmx.process(button)
    button.click()
  })
}

/** The list's items: a heading before each group, and every entry with its number. */
export function items(entries: Entry[], at: number, id: string): HTMLLIElement[] {
  const made: HTMLLIElement[] = []
  entries.forEach((entry, index) => {
    if (entry.group !== entries[index - 1]?.group) made.push(heading(entry.group))
    made.push(row(entry, index === at, `${id}-${index}`, index))
  })
  return made
}

function heading(text: string): HTMLLIElement {
  const item = document.createElement('li')
  item.className = 'found-group'
  item.setAttribute('role', 'presentation')
  item.textContent = text
  return item
}

function row(entry: Entry, chosen: boolean, id: string, index: number): HTMLLIElement {
  const item = document.createElement('li')
  item.id = id
  item.dataset.at = String(index)
  item.setAttribute('role', 'option')
  item.setAttribute('aria-selected', String(chosen))
  if (entry.why) item.setAttribute('aria-disabled', 'true')
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.classList.add('icon')
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use')
  use.setAttribute('href', `${spriteUrl()}#${entry.icon}`)
  svg.append(use)
  const label = document.createElement('span')
  label.textContent = entry.label
  const sub = document.createElement('small')
  sub.textContent = entry.why ?? entry.sub
  item.append(svg, label, sub)
  return item
}

export function finder(input: HTMLInputElement, list: HTMLElement, url: string, { first, always }: Options) {
  let entries: Entry[] = []
  let at = first
  let asking: AbortController | undefined
  let waiting: number | undefined

  const draw = () => {
    at = Math.min(at, entries.length - 1)
    list.replaceChildren(...items(entries, at, list.id))
    const idle = !always && !input.value.trim()
    if (!entries.length && !idle) list.append(heading(t('Nothing found')))
    list.toggleAttribute('data-open', !idle)
    input.setAttribute('aria-expanded', String(!idle))
    input.setAttribute('aria-activedescendant', at >= 0 && entries.length ? `${list.id}-${at}` : '')
    list.querySelector(`[data-at="${at}"]`)?.scrollIntoView({ block: 'nearest' })
  }
  const fetchAll = async (text: string, found: Entry[]) => {
    asking = new AbortController()
    try {
      const answer = await ask(`${url}?q=${encodeURIComponent(text)}`, { signal: asking.signal })
      const { results } = (await answer.json()) as { results: Entry[] }
      entries = text ? [...results, ...found] : [...found, ...results]
      draw()
    } catch (error) {
      if (!(error instanceof DOMException)) draw()
    }
  }
  const look = () => {
    asking?.abort()
    window.clearTimeout(waiting)
    at = first
    const text = input.value.trim()
    const found = text || always ? pages(text, document.querySelectorAll<HTMLAnchorElement>('.nav-list a')) : []
    if (!text) {
      entries = found
      draw()
    }
    if (text || always) waiting = window.setTimeout(() => void fetchAll(text, found), text ? pause : 0)
  }

  input.addEventListener('input', look)
  input.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step && entries.length) {
      at = at < 0 ? (step > 0 ? 0 : entries.length - 1) : (at + step + entries.length) % entries.length
      draw()
      event.preventDefault()
    }
    const chosen = entries[at]
    if (event.key === 'Enter' && chosen) {
      event.preventDefault()
      go(chosen)
    }
  })
  list.addEventListener('mousedown', (event) => event.preventDefault()) // the box keeps the focus
  list.addEventListener('click', (event) => {
    const item = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-at]') : null
    const entry = item && entries[Number(item.dataset.at)]
    if (entry) go(entry)
  })
  return look
}
