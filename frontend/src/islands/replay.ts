/** A console session again: what its serial port printed, played into a terminal that nobody can type in.
 *
 * The bytes are the guest's, so the terminal is confined as the live one is.
 */
import '../lib/styles-for-xterm' // must run before xterm makes its first style element
import { FitAddon } from '@xterm/addon-fit'
import { Terminal } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import { played, upTo } from '../lib/format'
import { confine } from '../lib/confine'
import { appearance } from '../lib/terminals'
import { t } from '../lib/words'
import type { Island } from '../page/islands'

const tick = 50 // ms: smooth to look at, and nothing for the processor
const whole = 1000 // steps of the slider

const replay: Island = (element) => {
  const stage = element.querySelector<HTMLElement>('.terminal-stage')!
  const play = element.querySelector<HTMLButtonElement>('[data-play]')!
  const place = element.querySelector<HTMLInputElement>('[data-place]')!
  const speed = element.querySelector<HTMLSelectElement>('[data-speed]')!
  const said = element.querySelector<HTMLOutputElement>('[data-clock]')!
  const seconds = Math.max(Number(element.dataset.seconds) || 0, 1)
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
  let shown = 0
  let share = 1
  let timer: number | undefined

  const tell = () => {
    place.value = String(Math.round(share * whole))
    said.textContent = `${played(share * seconds)} / ${played(seconds)}`
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
    share = Math.min(now, 1)
    show(upTo(share, bytes.length))
    tell()
  }
  const pause = () => {
    window.clearInterval(timer)
    timer = undefined
    play.setAttribute('aria-pressed', 'false')
    play.querySelector('span')!.textContent = t('Play')
  }
  const start = () => {
    if (share >= 1) go(0)
    play.setAttribute('aria-pressed', 'true')
    play.querySelector('span')!.textContent = t('Pause')
    timer = window.setInterval(() => {
      go(share + (tick / 1000 / seconds) * Number(speed.value))
      if (share >= 1) pause()
    }, tick)
  }

  const { signal } = off
  play.addEventListener('click', () => (timer === undefined ? start() : pause()), { signal })
  place.addEventListener('input', () => go(Number(place.value) / whole), { signal })
  void fetch(element.dataset.log!, { signal })
    .then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject(new Error(String(answer.status)))))
    .then((data) => {
      bytes = new Uint8Array(data)
      go(1) // what it came to; Play begins at the beginning
    })
    .catch(() => {
      if (!signal.aborted) said.textContent = t('It cannot be fetched just now.')
    })

  return () => {
    off.abort()
    pause()
    resized.disconnect()
    xterm.dispose()
  }
}

export default replay
