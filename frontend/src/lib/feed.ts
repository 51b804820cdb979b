/** The page's one feed: hints about what changed, and live samples.
 *
 * Hints carry no content: whoever cares asks the server again, so that rights and rendering stay in one place.
 * After a gap nobody knows what was missed, so the page is told to refresh as a whole.
 */
import { backoff } from './backoff'

export type Mark = 'live' | 'reconnecting' | 'stale'
export type Point = Record<string, unknown> & { at: number }
type Hint = { kind: string; uid: string; namespace: string; name: string; what: string }
type Message =
  | { type: 'hello'; live: boolean }
  | ({ type: 'changed' } & Hint)
  | { type: 'samples'; uid: string; points: Point[] }
  | { type: 'gap' }

/** Short names for events, as `vm-<uid>` in hx-trigger. */
const slugs: Record<string, string> = {
  VirtualMachine: 'vm',
  VirtualMachineDisk: 'disk',
  VirtualMachineType: 'type',
  NetworkInterface: 'nic',
}
export const slug = (kind: string) => slugs[kind] ?? kind.toLowerCase()

/** What one hint is called on the page: for the thing, for its kind, and for lists when something came or went. */
export function names(hint: Hint): string[] {
  const kind = slug(hint.kind)
  const list = hint.what === 'MODIFIED' ? [] : [`${kind}-list`]
  return [`${kind}-${hint.uid}`, `${kind}-changed`, ...list]
}

const giveUpLive = 15_000 // below: a restart of the web process; above: the reader must know that figures are old
const sleepAfter = 60_000 // a hidden tab keeps its feed for a minute, so that switching to and fro costs nothing

export function openFeed(url: string, mark: (now: Mark, since: Date) => void) {
  let socket: WebSocket | undefined
  let attempt = 0
  let lost: Date | undefined
  let retry: number | undefined
  let asleep: number | undefined
  let sent = ''
  let closed = false

  const emit = (name: string, detail?: unknown) => document.body.dispatchEvent(new CustomEvent(name, { detail }))

  const topics = () => {
    const wanted = new Set(['Operation'])
    for (const element of document.querySelectorAll<HTMLElement>('[data-feed]')) {
      for (const topic of (element.dataset.feed ?? '').split(/\s+/)) if (topic) wanted.add(topic)
    }
    return [...wanted].sort()
  }

  const subscribe = () => {
    if (socket?.readyState !== WebSocket.OPEN) return
    const text = JSON.stringify({ subscribe: topics() })
    if (text === sent) return
    sent = text
    socket.send(text)
  }

  const heard = (message: Message) => {
    if (message.type === 'changed') {
      for (const name of names(message)) emit(name, message)
      emit('feed:changed', message)
    } else if (message.type === 'samples') {
      emit(`samples:${message.uid}`, message.points)
    } else if (message.type === 'gap') {
      emit('feed-refresh')
    } else if (message.type === 'hello') {
      attempt = 0
      if (lost) emit('feed-refresh')
      lost = undefined
      mark('live', new Date())
    }
  }

  const connect = () => {
    if (closed || document.hidden) return
    sent = ''
    socket = new WebSocket(url)
    socket.onopen = subscribe
    socket.onmessage = (event: MessageEvent<string>) => heard(JSON.parse(event.data) as Message)
    socket.onclose = () => {
      socket = undefined
      if (closed || asleep === -1) return
      lost ??= new Date()
      mark(Date.now() - lost.getTime() > giveUpLive ? 'stale' : 'reconnecting', lost)
      retry = window.setTimeout(connect, backoff(attempt++))
    }
  }

  const seen = () => {
    if (document.hidden) {
      asleep = window.setTimeout(() => {
        asleep = -1
        lost ??= new Date()
        socket?.close()
      }, sleepAfter)
      return
    }
    window.clearTimeout(asleep)
    asleep = undefined
    if (!socket) {
      window.clearTimeout(retry)
      connect()
    }
  }

  document.addEventListener('visibilitychange', seen)
  connect()
  return {
    subscribe,
    close() {
      closed = true
      document.removeEventListener('visibilitychange', seen)
      window.clearTimeout(retry)
      socket?.close()
    },
  }
}
