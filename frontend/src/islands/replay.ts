/** A console session again: what its serial port printed, played into a terminal that nobody can type in.
 *
 * The bytes are the guest's, so the terminal is confined as the live one is.
 */
import '../lib/styles-for-xterm' // must run before xterm makes its first style element
import { FitAddon } from '@xterm/addon-fit'
import { Terminal } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { confine } from '../lib/confine'
import { played } from '../lib/format'
import { evenPace, truePace, type Pace, type Step } from '../lib/pace'
import { appearance } from '../lib/terminals'
import { t } from '../lib/words'
import { zone } from '../lib/zone'
import type { Island } from '../page/islands'

const tick = 50 // ms: smooth to look at, and nothing for the processor
const whole = 1000 // steps of the slider
const jump = 5 // seconds that an arrow key goes

const replay: Island = (element) => {
  const stage = element.querySelector<HTMLElement>('.terminal-stage')!
  const play = element.querySelector<HTMLButtonElement>('[data-play]')!
  const place = element.querySelector<HTMLInputElement>('[data-place]')!
  const speed = element.querySelector<HTMLSelectElement>('[data-speed]')!
  const said = element.querySelector<HTMLOutputElement>('[data-clock]')!
  const begun = Date.parse(element.dataset.begun ?? '')
  const off = new AbortController()
  const xterm = new Terminal({ ...appearance, disableStdin: true, cursorBlink: false, scrollback: 10_000 })
  const fit = new FitAddon()
  xterm.loadAddon(fit)
  confine(xterm, () => false)
  xterm.open(stage)
  fit.fit()
  const resized = new ResizeObserver(() => fit.fit())
  resized.observe(stage)

  let bytes = new Uint8Array()
  let told: Told = { before: 0, steps: null }
  let pace: Pace = evenPace(0, 0)
  let shown = 0
  let at = 0
  let timer: number | undefined

  const tell = () => {
    place.value = String(Math.round((at / pace.seconds) * whole))
    const then = new Date(begun + pace.momentAt(at) * 1000)
    const clock = then.toLocaleTimeString(document.documentElement.lang, { timeZone: zone() })
    const text = `${played(at)} / ${played(pace.seconds)}${told.steps ? ` · ${clock}` : ''}`
    if (said.textContent !== text) said.textContent = text
    place.setAttribute('aria-valuetext', text)
  }
  const show = (to: number) => {
    if (to < shown) {
      xterm.reset()
      shown = 0
    }
    if (to > shown) xterm.write(bytes.subarray(shown, to))
    shown = to
  }
  const go = (now: number) => {
    at = Math.min(Math.max(now, 0), pace.seconds)
    show(at >= pace.seconds ? bytes.length : told.before + pace.bytesAt(at))
    tell()
  }
  const pause = () => {
    window.clearInterval(timer)
    timer = undefined
    play.setAttribute('aria-pressed', 'false')
    play.querySelector('span')!.textContent = t('Play')
  }
  const start = () => {
    if (at >= pace.seconds) go(0)
    play.setAttribute('aria-pressed', 'true')
    play.querySelector('span')!.textContent = t('Pause')
    let before = performance.now()
    timer = window.setInterval(() => {
      const now = performance.now()
      go(speed.value === 'instant' ? pace.seconds : at + ((now - before) / 1000) * Number(speed.value))
      before = now
      if (at >= pace.seconds) pause()
    }, tick)
  }
  const toggle = () => (timer === undefined ? start() : pause())
  const keys: Record<string, () => void> = {
    ' ': toggle,
    ArrowLeft: () => go(at - jump),
    ArrowRight: () => go(at + jump),
    Home: () => go(0),
    End: () => go(pace.seconds),
  }

  const { signal } = off
  play.addEventListener('click', toggle, { signal })
  place.addEventListener('input', () => go((Number(place.value) / whole) * pace.seconds), { signal })
  // Before the terminal, which takes every key for itself.
  const pressed = (event: KeyboardEvent) => {
    const ours = event.target === speed || (event.target === play && event.key === ' ') ? undefined : keys[event.key]
    if (!ours || event.ctrlKey || event.altKey || event.metaKey) return
    event.preventDefault()
    event.stopPropagation()
    ours()
  }
  element.addEventListener('keydown', pressed, { signal, capture: true })

  const fetched = async (address: string) => {
    const answer = await fetch(address, { signal })
    if (!answer.ok) throw new Error(String(answer.status))
    return answer
  }
  const load = async () => {
    // First when, then what: of a session that goes on there is rather more to show than is timed.
    told = (await (await fetched(element.dataset.steps!)).json()) as Told
    bytes = new Uint8Array(await (await fetched(element.dataset.log!)).arrayBuffer())
    const printed = bytes.length - told.before
    pace = told.steps ? truePace(told.steps) : evenPace(printed, Number(element.dataset.seconds) || 0)
    go(pace.seconds) // what it came to; Play begins at the beginning
  }
  load().catch(() => {
    if (!signal.aborted) said.textContent = t('It cannot be fetched just now.')
  })

  return () => {
    off.abort()
    pause()
    resized.disconnect()
    xterm.dispose()
  }
}

interface Told {
  /** Bytes that were on the screen already. */
  before: number
  steps: Step[] | null
}

export default replay
