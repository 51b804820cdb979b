import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openLine, type State } from './console'
import { openFeed, type Mark } from './feed'

/** The browser's side of a websocket, without a network. Dispatching also calls the on… handler, as in browsers. */
class Wire extends EventTarget {
  static made: Wire[] = []
  static readonly OPEN = 1
  readyState = 0
  binaryType = 'blob'
  sent: string[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: MessageEvent) => void) | null = null
  onclose: ((event: CloseEvent) => void) | null = null

  constructor(readonly url: string) {
    super()
    Wire.made.push(this)
  }
  send(text: string) {
    this.sent.push(text)
  }
  close(code = 1000) {
    this.readyState = 3
    const event = Object.assign(new Event('close'), { code, reason: '' }) as CloseEvent
    this.dispatchEvent(event)
  }
  opened() {
    this.readyState = 1
    this.dispatchEvent(new Event('open'))
  }
  hears(data: unknown) {
    const event = new MessageEvent('message', { data: data instanceof ArrayBuffer ? data : JSON.stringify(data) })
    this.dispatchEvent(event)
  }
}

beforeEach(() => {
  Wire.made = []
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', Wire)
  document.body.innerHTML = ''
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const newest = () => Wire.made.at(-1)!

describe('the feed', () => {
  const start = () => {
    const marks: Mark[] = []
    const feed = openFeed('ws://here/feed', (mark) => marks.push(mark))
    newest().opened()
    newest().hears({ type: 'hello', last: 7, silent: {} })
    return { feed, marks }
  }

  it('asks for what was missed after a break, and only then', () => {
    const { feed, marks } = start()
    expect(newest().sent).toEqual(['{"subscribe":["Operation"]}'])
    newest().hears({ type: 'changed', id: 9, kind: 'VirtualMachine', uid: 'u', what: 'MODIFIED' })
    newest().close(1006)
    vi.advanceTimersByTime(400)
    newest().opened()
    expect(newest().sent).toEqual(['{"subscribe":["Operation"],"since":9}'])
    newest().hears({ type: 'hello', last: 12, silent: {} })
    expect(marks).toEqual(['live', 'reconnecting', 'live'])
    feed.close()
  })

  it('says that the page is old when the line stays broken', () => {
    const { feed, marks } = start()
    newest().close(1006)
    for (let round = 0; round < 12; round += 1) {
      vi.advanceTimersByTime(15_000)
      if (newest().readyState === 0) newest().close(1006)
    }
    expect(marks.at(-1)).toBe('stale')
    feed.close()
  })

  it('leaves a line that still opens to the browser, which would complain aloud', () => {
    const { feed } = start()
    newest().close(1006)
    vi.advanceTimersByTime(400)
    const opening = newest()
    feed.close()
    expect(opening.readyState).toBe(0)
    vi.advanceTimersByTime(60_000)
    expect(newest()).toBe(opening)
  })

  it('does not call live what nobody looks at', () => {
    const marks: [Mark, string, string?][] = []
    const feed = openFeed('ws://here/feed', (mark, since, silent) => marks.push([mark, since.toISOString(), silent]))
    newest().opened()
    const since = '2026-12-04T17:44:00.000Z'
    newest().hears({ type: 'hello', last: 7, silent: { controller: since } })
    newest().hears({ type: 'pulse', silent: { worker: since, controller: since } })
    newest().hears({ type: 'pulse', silent: {} })
    expect(marks.slice(0, 2)).toEqual([
      ['stale', since, 'controller'],
      ['stale', since, 'controller'],
    ])
    expect(marks[2]?.[0]).toBe('live')
    feed.close()
  })

  it('does not knock again after signing out', () => {
    const { feed } = start()
    newest().close(4401)
    vi.advanceTimersByTime(60_000)
    expect(Wire.made).toHaveLength(1)
    feed.close()
  })

  it('turns a hint into events of the page', () => {
    const { feed } = start()
    const heard: string[] = []
    for (const name of ['vm-u', 'vm-list', 'feed-refresh']) document.body.addEventListener(name, () => heard.push(name))
    newest().hears({ type: 'changed', id: 8, kind: 'VirtualMachine', uid: 'u', what: 'ADDED' })
    newest().hears({ type: 'gap' })
    expect(heard).toEqual(['vm-u', 'vm-list', 'feed-refresh'])
    feed.close()
  })
})

describe('a console', () => {
  const start = async () => {
    const states: [State, string][] = []
    let tickets = 0
    vi.stubGlobal('fetch', () => {
      tickets += 1
      return Promise.resolve(Response.json({ ticket: `t${tickets}`, path: '/console/u/vnc', viewers: 0 }))
    })
    const opened: unknown[] = []
    const told: unknown[] = []
    const line = openLine('/ticket', {
      writable: () => true,
      opened: (_socket, first) => opened.push(first?.data),
      told: (message) => told.push(message),
      say: (state, why) => states.push([state, why]),
      wake: 'vm-u',
    })
    await vi.advanceTimersByTimeAsync(0)
    return { line, states, opened, told, tickets: () => tickets }
  }

  it('sends the ticket first, never in the address, and hands over the first message', async () => {
    const { line, opened } = await start()
    newest().opened()
    expect(newest().url).not.toContain('t1')
    expect(newest().sent).toEqual(['{"ticket":"t1"}'])
    expect(opened).toEqual([])
    const greeting = new ArrayBuffer(12)
    newest().hears(greeting)
    newest().hears(new ArrayBuffer(3))
    expect(opened).toEqual([greeting])
    line.close()
  })

  it('keeps what is said about people away from whoever reads the bytes', async () => {
    const { line, opened, told } = await start()
    const bytes: unknown[] = []
    newest().opened()
    newest().addEventListener('message', (event) => bytes.push((event as MessageEvent).data))
    newest().hears({ people: [], you: 1 })
    newest().hears(new ArrayBuffer(2))
    expect(opened).toEqual([undefined])
    expect(told).toEqual([{ people: [], you: 1 }])
    expect(bytes).toEqual([new ArrayBuffer(2)])
    line.wish({ act: 'ask' })
    expect(newest().sent.at(-1)).toBe('{"act":"ask"}')
    line.close()
  })

  it('comes back by itself with a new ticket', async () => {
    const { line, states, tickets } = await start()
    newest().opened()
    newest().hears(new ArrayBuffer(1))
    newest().close(1012)
    expect(states.at(-1)?.[0]).toBe('reconnecting')
    await vi.advanceTimersByTimeAsync(500)
    newest().opened()
    expect(newest().sent).toEqual(['{"ticket":"t2"}'])
    expect(tickets()).toBe(2)
    line.close()
  })

  it('stops when the right was taken away', async () => {
    const { line, states, tickets } = await start()
    newest().opened()
    newest().close(4403)
    expect(states.at(-1)?.[0]).toBe('ended')
    await vi.advanceTimersByTimeAsync(60_000)
    expect(tickets()).toBe(1)
    line.close()
  })

  it('tries at once when the machine that was off has changed', async () => {
    const { line, states, tickets } = await start()
    newest().opened()
    newest().close(4410)
    expect(states.at(-1)?.[0]).toBe('off')
    document.body.dispatchEvent(new Event('vm-u'))
    await vi.advanceTimersByTimeAsync(0)
    expect(tickets()).toBe(2)
    line.close()
  })
})
