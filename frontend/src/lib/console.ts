/** The way to a console: a ticket, then a websocket whose first message is the ticket. And again, when it breaks.
 *
 * A ticket is good once, so each attempt fetches a new one; it never stands in a URL.
 */
import { backoff } from './backoff'
import { ask, Problem } from './http'
import { t } from './words'

export type State = 'connecting' | 'live' | 'waiting' | 'reconnecting' | 'off' | 'ended'
export type Say = (state: State, why: string) => void

/** Codes of `vmconsole/gateway/wire.py`. Others that are not in here may be tried again. */
const final: Record<number, string> = {
  4400: 'This console does not understand the page. Load the page again.',
  4401: 'You were signed out. Sign in to go on.',
  4403: 'You may not open this console any more.',
  4404: 'This machine has no such console.',
}
const off = 4410

type Ticket = { ticket: string; path: string }

export type Line = {
  /** Break and begin again, with a new ticket. */
  again(): void
  /** Say something about control; the guest's bytes go through the socket itself. */
  wish(what: object): void
  close(): void
}

/** Find out why a console does not open. Rarely wanted, so fetched when it is. */
export async function checkWay(element: HTMLElement) {
  const dialog = element.querySelector<HTMLDialogElement>('[data-path-check]')!
  const { checkPath } = await import('./path-check')
  await checkPath(dialog, dialog.dataset.url!, element.dataset.ticket!)
}

export function openLine(
  ticketUrl: string,
  options: {
    writable: () => boolean
    /** The far side is really there: it has spoken. Whoever takes over the socket gets its first bytes too. */
    opened: (socket: WebSocket, first: MessageEvent<ArrayBuffer> | undefined) => void
    /** What the far side says beside the guest's bytes. */
    told: (message: unknown) => void
    say: Say
    wake?: string
  },
): Line {
  let socket: WebSocket | undefined
  let retry: number | undefined
  let attempt = 0
  let over = false
  let turn = 0

  const later = (state: State, why: string) => {
    options.say(state, why)
    window.clearTimeout(retry)
    retry = window.setTimeout(() => void connect(), backoff(attempt++))
  }

  async function connect() {
    const mine = ++turn
    window.clearTimeout(retry)
    if (attempt === 0) options.say('connecting', '')
    let ticket: Ticket
    try {
      const body = new URLSearchParams({ writable: options.writable() ? '1' : '0' })
      ticket = (await (await ask(ticketUrl, { method: 'POST', body })).json()) as Ticket
    } catch (error) {
      if (over || mine !== turn) return
      const status = error instanceof Problem ? error.status : 0
      const why = error instanceof Error ? error.message : String(error)
      if ([401, 403, 404].includes(status)) options.say('ended', why)
      else later('reconnecting', why)
      return
    }
    if (over || mine !== turn) return
    dial(ticket)
  }

  function dial(ticket: Ticket) {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const line = new WebSocket(`${scheme}://${location.host}${ticket.path}`, ['binary'])
    socket = line
    line.binaryType = 'arraybuffer'
    line.addEventListener('open', () => line.send(JSON.stringify({ ticket: ticket.ticket })))
    let spoken = false
    line.addEventListener('message', (event: MessageEvent<ArrayBuffer | string>) => {
      const isText = typeof event.data === 'string'
      if (!spoken) {
        spoken = true
        attempt = 0
        options.opened(line, isText ? undefined : (event as MessageEvent<ArrayBuffer>))
      }
      if (!isText) return
      event.stopImmediatePropagation() // noVNC would take it for bytes
      options.told(JSON.parse(event.data))
    })
    line.addEventListener('close', (event) => {
      if (socket !== line) return
      socket = undefined
      if (over) return
      const reason = final[event.code]
      if (reason) options.say('ended', event.reason || t(reason))
      else if (event.code === off) later('off', event.reason || t('The machine is off.'))
      else later('reconnecting', event.reason)
    })
  }

  const again = () => {
    attempt = 0
    const old = socket
    socket = undefined
    old?.close()
    void connect()
  }
  // A hint that the machine changed is the best moment to try: it may just have been started.
  const hinted = () => {
    if (!socket && !over) again()
  }
  if (options.wake) document.body.addEventListener(options.wake, hinted)
  void connect()
  return {
    again,
    wish: (what) => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(what))
    },
    close() {
      over = true
      window.clearTimeout(retry)
      if (options.wake) document.body.removeEventListener(options.wake, hinted)
      socket?.close()
    },
  }
}
