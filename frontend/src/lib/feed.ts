/** The page's one feed: hints about what changed, and live samples.
 *
 * Hints carry no content: whoever cares asks the server again, so that rights and rendering stay in one place. After a
 * pause the server replays what was missed; when that is too much it says "gap" and the page refreshes as a whole.
 */
import { tell } from './telling'
import { backoff } from './backoff'

export type Mark = 'live' | 'reconnecting' | 'stale'
export type Point = Record<string, number | null> & { at: number }
export type Hint = { id: number; kind: string; uid: string; namespace: string; name: string; what: string }
/** Whole percents of many machines, (CPU, memory), each ending at the time `at`. */
export type Glances = { at: number; step: number; lines: Record<string, (number | null)[][]> }
/** Processes of the console that give no sign of life, and when they last did. */
export type Silent = Record<string, string>
export type Message =
  | { type: 'hello'; last: number; silent: Silent }
  | { type: 'pulse'; silent: Silent }
  | ({ type: 'changed' } & Hint)
  | { type: 'samples'; uid: string; points: Point[] }
  | ({ type: 'glances' } & Glances)
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
export function names(hint: Pick<Hint, 'kind' | 'uid' | 'what'>): string[] {
  const kind = slug(hint.kind)
  const list = hint.what === 'MODIFIED' ? [] : [`${kind}-list`]
  return [`${kind}-${hint.uid}`, `${kind}-changed`, ...list]
}

const staleAfter = 15_000 // less: every restart of the web process alarms; more: old figures pass for new ones
const sleepAfter = 60_000 // a hidden tab keeps its feed for a minute, so that switching to and fro costs nothing
const signedOut = 4401

export type Feed = { subscribe(): void; close(): void }

export function openFeed(url: string, mark: (now: Mark, since: Date, silent?: string) => void): Feed {
  let socket: WebSocket | undefined
  let attempt = 0
  // What happened between the page's making and this feed is told too.
  let last = Number(document.getElementById('main')?.dataset.seen) || undefined
  let lost: Date | undefined
  let retry: number | undefined
  let asleep: number | undefined
  let sent = ''
  let closed = false

  /** Our own line lives; whether what it tells is of now is for others to say. */
  const lives = (silent: Silent) => {
    const [name, since] = Object.entries(silent).sort()[0] ?? []
    if (name && since) mark('stale', new Date(since), name)
    else mark('live', new Date())
  }

  const subscribe = () => {
    if (socket?.readyState !== WebSocket.OPEN) return
    const topics = JSON.stringify(wanted())
    if (topics === sent) return
    const since = sent || last === undefined ? '' : `,"since":${last}` // only the first time on a new connection
    sent = topics
    socket.send(`{"subscribe":${topics}${since}}`)
  }

  const heard = (message: Message) => {
    if (message.type === 'changed') {
      last = Math.max(last ?? 0, message.id)
      for (const name of names(message)) tell(name, message)
      tell('feed:changed', message)
    } else if (message.type === 'samples') {
      tell(`samples:${message.uid}`, message.points)
    } else if (message.type === 'glances') {
      tell('glances', message)
    } else if (message.type === 'gap') {
      tell('feed-refresh')
    } else if (message.type === 'hello') {
      attempt = 0
      lost = undefined
      last ??= message.last
      lives(message.silent)
    } else if (message.type === 'pulse') {
      lives(message.silent)
    }
  }

  const drop = (event: CloseEvent) => {
    socket = undefined
    if (closed || event.code === signedOut) return
    lost ??= new Date()
    if (document.hidden) return
    mark(Date.now() - lost.getTime() > staleAfter ? 'stale' : 'reconnecting', lost)
    retry = window.setTimeout(connect, backoff(attempt++))
  }

  function connect() {
    if (closed || socket) return
    sent = ''
    socket = new WebSocket(url)
    socket.onopen = subscribe
    socket.onmessage = (event: MessageEvent<string>) => heard(JSON.parse(event.data) as Message)
    socket.onclose = drop
  }

  const turned = () => {
    window.clearTimeout(asleep)
    if (document.hidden) {
      asleep = window.setTimeout(() => socket?.close(), sleepAfter)
      return
    }
    window.clearTimeout(retry)
    connect()
  }

  document.addEventListener('visibilitychange', turned)
  connect()
  return {
    subscribe,
    close() {
      closed = true
      document.removeEventListener('visibilitychange', turned)
      window.clearTimeout(asleep)
      window.clearTimeout(retry)
      if (socket?.readyState === WebSocket.OPEN) socket.close() // one that still opens goes with its page, silently
    },
  }
}

/** Every topic that something on the page shows, said by `data-feed`. Operations are always on the page. */
export function wanted(root: ParentNode = document): string[] {
  const topics = new Set(['Operation'])
  for (const element of root.querySelectorAll<HTMLElement>('[data-feed]')) {
    for (const topic of (element.dataset.feed ?? '').split(/\s+/)) if (topic) topics.add(topic)
  }
  return [...topics].sort()
}
