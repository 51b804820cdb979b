/** Why does the console not open? Goes the way hop by hop, and names the one that broke.
 *
 * The dialog with every sentence is the server's; this shows which of them is true.
 */
import { ask, Problem } from './http'

const patience = 6_000 // ms for one hop; the far side itself gives a guest's socket five seconds
const tooMany = 4429
const off = 4410
const failed = 4503

/** `why` names the sentence to show; `said` is the server's own. */
export class Broken extends Error {
  constructor(
    readonly why: string,
    readonly said = '',
  ) {
    super(why)
  }
}
type Arrived = { scheme: string; host: string; fits: boolean }
type Ticket = { ticket: string; path: string }

export async function checkPath(dialog: HTMLDialogElement, checkUrl: string, ticketUrl: string) {
  for (const part of dialog.querySelectorAll<HTMLElement>('[data-why]')) part.hidden = true
  for (const step of dialog.querySelectorAll<HTMLElement>('[data-step]')) mark(step, '')
  if (!dialog.open) dialog.showModal()
  let ticket: Ticket | undefined
  let socket: WebSocket | undefined
  const steps: Record<string, () => Promise<void>> = {
    http: () => throughHttp(checkUrl),
    socket: () => throughSocket(new WebSocket(address(checkUrl))),
    ticket: async () => {
      ticket = await getTicket(ticketUrl)
    },
    guest: async () => {
      socket = new WebSocket(address(ticket!.path), ['binary'])
      await toGuest(socket, ticket!.ticket)
    },
  }
  try {
    for (const [name, step] of Object.entries(steps)) await taken(dialog, name, step)
    show(dialog, 'fine', '')
  } catch (error) {
    const broken = error instanceof Broken ? error : new Broken('http-silent')
    show(dialog, broken.why, broken.said)
  } finally {
    socket?.close()
  }
}

async function taken(dialog: HTMLElement, name: string, step: () => Promise<void>) {
  const line = dialog.querySelector<HTMLElement>(`[data-step="${name}"]`)!
  const begun = performance.now()
  mark(line, 'busy')
  try {
    await step()
    mark(line, 'ok', `${Math.round(performance.now() - begun)} ms`)
  } catch (error) {
    mark(line, 'bad')
    throw error
  }
}

function mark(line: HTMLElement, state: string, took = '') {
  line.dataset.state = state
  line.querySelector('[data-took]')!.textContent = took
}

function show(dialog: HTMLElement, why: string, said: string) {
  const part = dialog.querySelector<HTMLElement>(`[data-why~="${why}"]`)
  if (!part) return
  part.hidden = false
  const own = part.querySelector('[data-said]')
  if (own) own.textContent = said
  const proxies = dialog.querySelector<HTMLDetailsElement>('[data-proxies]')
  if (proxies) proxies.open = part.hasAttribute('data-proxy')
}

const address = (path: string) => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`

async function throughHttp(url: string) {
  const query = new URLSearchParams({ origin: location.origin })
  let arrived: Arrived
  try {
    arrived = (await (await ask(`${url}?${query}`)).json()) as Arrived
  } catch (error) {
    throw error instanceof Problem && error.status ? new Broken('refused', error.message) : new Broken('http-silent')
  }
  if (!arrived.fits) throw new Broken('origin', `${location.origin} → ${arrived.scheme}://${arrived.host}`)
}

/** An answer that comes late is none. */
function within<T>(work: (done: (value: T) => void, fail: (error: Broken) => void) => void, late: string): Promise<T> {
  return new Promise((done, fail) => {
    const timer = window.setTimeout(() => fail(new Broken(late)), patience)
    work(
      (value) => {
        window.clearTimeout(timer)
        done(value)
      },
      (error) => {
        window.clearTimeout(timer)
        fail(error)
      },
    )
  })
}

async function throughSocket(socket: WebSocket) {
  let opened = false
  try {
    await within<void>((done, fail) => {
      socket.addEventListener('open', () => {
        opened = true
        socket.send('hello')
      })
      socket.addEventListener('message', ({ data }) => (data === 'hello' ? done() : fail(new Broken('socket-mute'))))
      socket.addEventListener('close', () => fail(new Broken(opened ? 'socket-mute' : 'socket-closed')))
    }, 'socket-mute')
  } finally {
    socket.close()
  }
}

async function getTicket(url: string): Promise<Ticket> {
  try {
    const answer = await ask(url, { method: 'POST', body: new URLSearchParams({ writable: '0' }) })
    return (await answer.json()) as Ticket
  } catch (error) {
    throw new Broken('refused', error instanceof Error ? error.message : '')
  }
}

function toGuest(socket: WebSocket, ticket: string): Promise<void> {
  return within<void>((done, fail) => {
    socket.addEventListener('open', () => socket.send(JSON.stringify({ ticket })))
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string' && data.includes('"waiting"')) fail(new Broken('off'))
      else if (typeof data !== 'string' || data.includes('"live"')) done()
    })
    socket.addEventListener('close', ({ code, reason }) => {
      const why = { [off]: 'off', [failed]: 'guest', [tooMany]: 'many' }[code] ?? (code === 1006 ? 'cut' : 'refused')
      fail(new Broken(why, reason))
    })
  }, 'mute')
}
