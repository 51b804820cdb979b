/** A machine's serial console: xterm.js on our byte pipe.
 *
 * The far side replays the last 256 KiB and then goes on; its text frames say how the port is and who is here, its
 * binary frames are what the guest printed. Several people may type at once, as at a real port.
 */
import '../lib/styles-for-xterm' // must run before xterm makes its first style element
import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { Terminal } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { isTold, keepCompany } from '../lib/company'
import { confine } from '../lib/confine'
import { checkWay, openLine, type State } from '../lib/console'
import { appearance } from '../lib/terminals'
import { t } from '../lib/words'
import type { Island } from '../page/islands'

const piece = 16 * 1024 // a paste may be long, and the far side takes at most 64 KiB at once
const hintAfter = 6_000 // a guest that prints on its serial port has done so by now, or has it replayed
const sizes = { least: 9, usual: 13, most: 28, kept: 'vmconsole-terminal-size' }

const terminal: Island = (element) => {
  const stage = element.querySelector<HTMLElement>('.terminal-stage')!
  const state = element.querySelector<HTMLElement>('.screen-state')!
  const said = element.querySelector<HTMLElement>('.screen-said')!
  const why = element.querySelector<HTMLElement>('.screen-why')!
  const hint = element.querySelector<HTMLElement>('[data-hint]')
  const off = new AbortController()
  const xterm = new Terminal({
    ...appearance,
    scrollback: 10_000,
    fontSize: Number(localStorage.getItem(sizes.kept)) || sizes.usual,
    cursorBlink: true,
    screenReaderMode: element.dataset.reader === 'true',
  })
  const fit = new FitAddon()
  const search = new SearchAddon()
  let socket: WebSocket | undefined
  let printed = false
  let replaying = true
  let alone = true
  let silent: number | undefined
  xterm.loadAddon(fit)
  xterm.loadAddon(search)
  confine(xterm, () => alone && !replaying)
  xterm.open(stage)
  fit.fit()
  const resized = new ResizeObserver(() => fit.fit())
  resized.observe(stage)

  const say = (now: State, reason: string) => {
    element.dataset.state = now
    const words: Record<State, string> = {
      connecting: t('Connecting'),
      live: t('Live'),
      waiting: t('Waiting for the machine'),
      reconnecting: t('Reconnecting'),
      off: t('Off'),
      ended: t('Ended'),
    }
    state.textContent = words[now]
    said.textContent = reason
    said.hidden = !reason
    why.hidden = now !== 'reconnecting' && now !== 'ended'
  }

  const heard = (event: MessageEvent<ArrayBuffer | string>) => {
    if (typeof event.data === 'string') return
    printed = true
    if (hint) hint.hidden = true
    const begun = performance.now()
    const isReplay = replaying
    xterm.write(new Uint8Array(event.data), () => {
      if (!isReplay) return
      replaying = false
      element.dataset.replayed = String(Math.round(performance.now() - begun))
    })
  }

  const line = openLine(element.dataset.ticket!, {
    writable: () => element.dataset.viewOnly !== 'true',
    say: (now, reason) => {
      if (now === 'reconnecting' || now === 'off') socket = undefined
      say(now, reason)
    },
    opened: (made, first) => {
      socket = made
      // Everything is replayed on a new connection; without this it would stand there twice.
      xterm.reset()
      replaying = true
      company.reset()
      made.addEventListener('message', heard)
      say('live', '')
      if (first) heard(first)
      window.clearTimeout(silent)
      silent = window.setTimeout(() => {
        replaying = false
        if (hint) hint.hidden = printed
      }, hintAfter)
    },
    told: (message) => {
      if (isTold(message)) {
        alone = message.people.length < 2
        company.hear(message)
      } else say((message as { state: 'live' | 'waiting' }).state, '')
    },
    wake: `vm-${element.dataset.uid}`,
  })
  const company = keepCompany(element, { shared: true, wish: () => undefined, changed: () => undefined })

  const encoder = new TextEncoder()
  const send = (bytes: Uint8Array<ArrayBuffer>) => {
    if (socket?.readyState !== WebSocket.OPEN) return
    for (let at = 0; at < bytes.length; at += piece) socket.send(bytes.subarray(at, at + piece))
  }
  const typed = xterm.onData((text) => send(encoder.encode(text)))
  const typedBytes = xterm.onBinary((text) => send(Uint8Array.from(text, (one) => one.charCodeAt(0))))

  const find = element.querySelector<HTMLInputElement>('[data-find]')!
  const look = (back: boolean) => {
    const found = !find.value || (back ? search.findPrevious(find.value) : search.findNext(find.value))
    find.setAttribute('aria-invalid', String(!found))
    find.title = found ? '' : t('Nothing found')
    if (!find.value) search.clearDecorations()
  }
  const resize = (by: number) => {
    const size = Math.min(sizes.most, Math.max(sizes.least, (xterm.options.fontSize ?? sizes.usual) + by))
    xterm.options.fontSize = size
    localStorage.setItem(sizes.kept, String(size))
    fit.fit()
  }
  /** What is selected, or everything when nothing is. */
  const copy = (button: HTMLElement) => {
    const nothing = !xterm.hasSelection()
    if (nothing) xterm.selectAll()
    const text = xterm.getSelection()
    if (nothing) xterm.clearSelection()
    void navigator.clipboard?.writeText(text.trimEnd()).then(() => {
      button.title = t('Copied')
      button.dataset.done = ''
    })
  }
  xterm.attachCustomKeyEventHandler((event) => {
    if (event.type !== 'keydown' || !event.ctrlKey || !event.shiftKey || event.code !== 'KeyC') return true
    copy(element.querySelector<HTMLElement>('[data-act="copy"]')!)
    event.preventDefault()
    return false
  })

  find.addEventListener('input', () => look(true), { signal: off.signal })
  find.addEventListener(
    'keydown',
    (event) => {
      if (event.key === 'Enter') look(!event.shiftKey)
      if (event.key === 'Escape') xterm.focus()
    },
    { signal: off.signal },
  )
  const acts: Record<string, (button: HTMLElement) => void> = {
    again: () => line.again(),
    check: () => void checkWay(element),
    full: () => void (document.fullscreenElement ? document.exitFullscreen() : element.requestFullscreen()),
    clear: () => xterm.clear(),
    copy,
    larger: () => resize(1),
    smaller: () => resize(-1),
    before: () => look(true),
    after: () => look(false),
  }
  element.addEventListener(
    'click',
    (event) => {
      const button = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-act]') : null
      if (button) acts[button.dataset.act ?? '']?.(button)
    },
    { signal: off.signal },
  )
  xterm.focus()

  return () => {
    off.abort()
    window.clearTimeout(silent)
    resized.disconnect()
    typed.dispose()
    typedBytes.dispose()
    line.close()
    xterm.dispose()
  }
}

export default terminal
