import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { checkPath } from './path-check'

/** Websockets that behave as told: by their address. */
const behave: Record<string, (socket: Line) => void> = {}
class Line extends EventTarget {
  constructor(readonly url: string) {
    super()
    const how = Object.entries(behave).find(([part]) => url.includes(part))
    queueMicrotask(() => how?.[1](this))
  }
  send(text: string) {
    this.dispatchEvent(new CustomEvent('said', { detail: text }))
  }
  close() {}
  open = () => this.dispatchEvent(new Event('open'))
  hear = (data: unknown) => this.dispatchEvent(new MessageEvent('message', { data }))
  end = (code: number, reason = '') => this.dispatchEvent(Object.assign(new Event('close'), { code, reason }))
}
const echo = (line: Line) => {
  line.addEventListener('said', (event) => line.hear((event as CustomEvent<string>).detail))
  line.open()
}
const reasons = ['fine', 'http-silent', 'origin', 'socket-closed', 'socket-mute', 'cut', 'refused', 'off', 'many', 'guest', 'mute'] // prettier-ignore
const steps = ['http', 'socket', 'ticket', 'guest']

describe('the way to a console', () => {
  let answers: Record<string, () => Promise<Response>>

  beforeEach(() => {
    vi.useFakeTimers()
    vi.stubGlobal('WebSocket', Line)
    answers = {
      '/check': () => Promise.resolve(Response.json({ scheme: 'http', host: 'here', fits: true })),
      '/ticket': () => Promise.resolve(Response.json({ ticket: 't', path: '/console/u/vnc' })),
    }
    vi.stubGlobal('fetch', (url: string) => answers[url.split('?')[0]!]!())
    Object.assign(behave, {
      '/check': echo,
      '/console/': (line: Line) => {
        line.open()
        line.hear(new ArrayBuffer(12))
      },
    })
    document.body.innerHTML = `<dialog>${steps.map((step) => `<li data-step="${step}"><span data-took></span></li>`).join('')}
      ${reasons.map((why) => `<div data-why="${why}" hidden><p data-said></p></div>`).join('')}
      <details data-proxies></details></dialog>`
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  const check = async () => {
    const dialog = document.querySelector('dialog')!
    const done = checkPath(dialog, '/check', '/ticket')
    await vi.advanceTimersByTimeAsync(30_000)
    await done
    const broken = dialog.querySelector<HTMLElement>('[data-state="bad"]')?.dataset.step
    const shown = [...dialog.querySelectorAll<HTMLElement>('[data-why]:not([hidden])')]
    return { broken, why: shown.map((part) => part.dataset.why), said: shown[0]?.textContent }
  }

  it('is fine', async () => expect(await check()).toMatchObject({ broken: undefined, why: ['fine'] }))

  it('has no web process at its end', async () => {
    answers['/check'] = () => Promise.reject(new TypeError('offline'))
    expect(await check()).toMatchObject({ broken: 'http', why: ['http-silent'] })
  })

  it('goes through a proxy that changes the host', async () => {
    answers['/check'] = () => Promise.resolve(Response.json({ scheme: 'http', host: 'inside:8080', fits: false }))
    const found = await check()
    expect(found).toMatchObject({ broken: 'http', why: ['origin'] })
    expect(found.said).toContain('http://inside:8080')
  })

  it.each<[string, (line: Line) => void]>([
    ['socket-closed', (line) => line.end(1006)],
    ['socket-mute', (line) => line.open()],
  ])('goes through a proxy that does not know websockets: %s', async (why, how) => {
    behave['/check'] = how
    expect(await check()).toMatchObject({ broken: 'socket', why: [why] })
  })

  it('is closed to this person', async () => {
    answers['/ticket'] = () => Promise.resolve(Response.json({ detail: 'Not yours.' }, { status: 403 }))
    expect(await check()).toMatchObject({ broken: 'ticket', why: ['refused'], said: 'Not yours.' })
  })

  it.each<[string, (line: Line) => void]>([
    ['off', (line) => line.end(4410, 'The machine is off.')],
    ['guest', (line) => line.end(4503)],
    ['many', (line) => line.end(4429)],
    ['cut', (line) => line.end(1006)],
    ['mute', (line) => line.open()],
    ['off', (line) => line.hear('{"state":"waiting","viewers":1}')],
  ])('ends before the machine: %s', async (why, how) => {
    behave['/console/'] = how
    expect(await check()).toMatchObject({ broken: 'guest', why: [why] })
  })
})
