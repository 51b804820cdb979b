/** A machine's serial console: xterm.js on our byte pipe.
 *
 * The far side replays the last 256 KiB and then goes on; its text frames say how the port is, its binary frames are
 * what the guest printed. What the guest prints is hostile: sequences that reach out of the terminal are switched off.
 */
import '../lib/styles-for-xterm' // must run before xterm makes its first style element
import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { Terminal } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { openLine, type State } from '../lib/console'
import { appearance, confine } from '../lib/terminals'
import { t } from '../lib/words'
import type { Island } from '../page/islands'

const piece = 16 * 1024 // a paste may be long, and the far side takes at most 64 KiB at once
const hintAfter = 6_000 // a guest that prints on its serial port has done so by now, or has it replayed

const terminal: Island = (element) => {
  const stage = element.querySelector<HTMLElement>('.terminal-stage')!
  const state = element.querySelector<HTMLElement>('.screen-state')!
  const said = element.querySelector<HTMLElement>('.screen-said')!
  const hint = element.querySelector<HTMLElement>('[data-hint]')
  const off = new AbortController()
  const xterm = new Terminal({
    ...appearance,
    scrollback: 10_000,
    cursorBlink: true,
    screenReaderMode: element.dataset.reader === 'true',
  })
  const fit = new FitAddon()
  const search = new SearchAddon()
  xterm.loadAddon(fit)
  xterm.loadAddon(search)
  confine(xterm)
  xterm.open(stage)
  fit.fit()
  const resized = new ResizeObserver(() => fit.fit())
  resized.observe(stage)

  const encoder = new TextEncoder()
  let socket: WebSocket | undefined
  let printed = false
  let silent: number | undefined

  const say = (now: State, why: string) => {
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
    said.textContent = why
    said.hidden = !why
  }

  const heard = ({ data }: MessageEvent<ArrayBuffer | string>) => {
    if (typeof data !== 'string') {
      printed = true
      if (hint) hint.hidden = true
      xterm.write(new Uint8Array(data))
      return
    }
    const told = JSON.parse(data) as { state: 'live' | 'waiting'; viewers: number }
    say(told.state, told.viewers > 1 ? t('%s others are here', told.viewers - 1) : '')
  }

  const line = openLine(element.dataset.ticket!, {
    writable: () => element.dataset.viewOnly !== 'true',
    say: (now, why) => {
      if (now === 'reconnecting' || now === 'off') socket = undefined
      say(now, why)
    },
    opened: (made, first) => {
      socket = made
      // Everything is replayed on a new connection; without this it would stand there twice.
      xterm.reset()
      made.addEventListener('message', heard)
      say('live', '')
      heard(first)
      window.clearTimeout(silent)
      silent = window.setTimeout(() => {
        if (hint) hint.hidden = printed
      }, hintAfter)
    },
    wake: `vm-${element.dataset.uid}`,
  })

  const send = (bytes: Uint8Array<ArrayBuffer>) => {
    if (socket?.readyState !== WebSocket.OPEN) return
    for (let at = 0; at < bytes.length; at += piece) socket.send(bytes.subarray(at, at + piece))
  }
  const typed = xterm.onData((text) => send(encoder.encode(text)))
  const typedBytes = xterm.onBinary((text) => send(Uint8Array.from(text, (one) => one.charCodeAt(0))))

  const find = element.querySelector<HTMLInputElement>('[data-find]')
  const look = (back: boolean) =>
    find?.value ? (back ? search.findPrevious(find.value) : search.findNext(find.value)) : search.clearDecorations()
  find?.addEventListener('input', () => look(true), { signal: off.signal })
  find?.addEventListener(
    'keydown',
    (event) => {
      if (event.key === 'Enter') look(!event.shiftKey)
      if (event.key === 'Escape') xterm.focus()
    },
    { signal: off.signal },
  )
  element.addEventListener(
    'click',
    (event) => {
      const act = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-act]')?.dataset.act : ''
      if (act === 'again') line.again()
      if (act === 'full') void (document.fullscreenElement ? document.exitFullscreen() : element.requestFullscreen())
      if (act === 'clear') xterm.clear()
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
