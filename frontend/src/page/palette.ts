/** The command palette: go to a page or a thing, or do something to it ("stop web-3"). */
import { ask } from '../lib/http'
import { t } from '../lib/words'

type Entry = {
  label: string
  sub: string
  url: string
  post: boolean
  icon: string
  why?: string
  ask?: string
  yes?: string
  dialog?: boolean
}

const spriteUrl = () => document.querySelector<HTMLElement>('[data-sprite]')?.dataset.sprite ?? ''

/** The pages of the navigation that match; known without asking the server. */
export function pages(query: string, links: Iterable<HTMLAnchorElement>): Entry[] {
  const wanted = query.trim().toLowerCase()
  return [...links]
    .map((link) => ({
      label: link.dataset.title ?? link.textContent.trim(),
      sub: t('Page'),
      url: link.href,
      post: false,
      icon: link.dataset.icon ?? 'arrow-right',
    }))
    .filter((entry) => entry.label.toLowerCase().includes(wanted))
}

function go(entry: Entry) {
  if (entry.why) return
  if (!entry.post && !entry.dialog) {
    location.assign(entry.url)
    return
  }
  press(entry)
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

function row(entry: Entry, chosen: boolean, at: number): HTMLLIElement {
  const item = document.createElement('li')
  item.id = `palette-${at}`
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

let wake: (() => void) | undefined

export function openPalette() {
  wake ??= build()
  wake()
}

function build() {
  const dialog = document.getElementById('palette') as HTMLDialogElement
  const input = dialog.querySelector('input')!
  const list = dialog.querySelector('ul')!
  let entries: Entry[] = []
  let at = 0
  let asking: AbortController | undefined

  const draw = () => {
    at = Math.max(0, Math.min(at, entries.length - 1))
    list.replaceChildren(...entries.map((entry, index) => row(entry, index === at, index)))
    if (!entries.length) {
      const none = document.createElement('li')
      none.textContent = t('Nothing found')
      list.append(none)
    }
    input.setAttribute('aria-activedescendant', entries.length ? `palette-${at}` : '')
    list.children[at]?.scrollIntoView({ block: 'nearest' })
  }

  const look = async () => {
    asking?.abort()
    asking = new AbortController()
    const found = pages(input.value, document.querySelectorAll<HTMLAnchorElement>('.nav-list a'))
    entries = found
    draw()
    try {
      const url = `${dialog.dataset.url}?q=${encodeURIComponent(input.value)}`
      const answer = await ask(url, { signal: asking.signal })
      const { results } = (await answer.json()) as { results: Entry[] }
      entries = input.value.trim() ? [...results, ...found] : [...found, ...results]
      draw()
    } catch (error) {
      if (!(error instanceof DOMException)) draw()
    }
  }

  input.addEventListener('input', () => {
    at = 0
    void look()
  })
  input.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step) {
      at = (at + step + entries.length) % Math.max(1, entries.length)
      draw()
      event.preventDefault()
    }
    const chosen = entries[at]
    if (event.key === 'Enter' && chosen) {
      event.preventDefault()
      go(chosen)
    }
  })
  list.addEventListener('click', (event) => {
    const item = event.target instanceof Element ? event.target.closest('li') : null
    const entry = item && entries[[...list.children].indexOf(item)]
    if (entry) go(entry)
  })
  return () => {
    input.value = ''
    at = 0
    dialog.showModal()
    void look()
  }
}
