/** Sends a file in parts that can be resumed: after a pause, a broken line, a restart of the console, or a new day.
 *
 * `<vm-upload data-create="/uploads/" data-part="8388608">` around a form with a file input. The server keeps how far
 * it is; the browser remembers which upload belonged to this file.
 */
import { bytes } from '../lib/format'
import { backoff } from '../lib/backoff'
import { ask, Problem } from '../lib/http'
import { t } from '../lib/words'
import type { Island } from '../page/islands'

type Upload = { url: string; done: string; length: number }

const partBytes = 8 * 1024 * 1024 // the server takes no larger one; smaller ones cost more round trips
const patience = 8 // tries of one part before a person is asked

const remembered = (file: File) => `upload:${file.name}:${file.size}:${file.lastModified}`

const upload: Island = (element) => {
  const form = element.querySelector('form')!
  const input = form.querySelector<HTMLInputElement>('input[type="file"]')!
  const bar = element.querySelector<HTMLProgressElement>('progress')!
  const said = element.querySelector<HTMLElement>('[data-said]')!
  const problem = element.querySelector<HTMLElement>('[data-problem]')!
  const show = (phase: 'ready' | 'sending' | 'paused' | 'failed' | 'done') => (element.dataset.phase = phase)
  const off = new AbortController()
  let sending: AbortController | undefined

  const fail = (error: unknown) => {
    show('failed')
    problem.hidden = false
    problem.textContent = error instanceof Error ? error.message : String(error)
  }

  async function begun(file: File): Promise<Upload> {
    const kept = localStorage.getItem(remembered(file))
    if (kept) {
      const earlier = JSON.parse(kept) as Upload
      if ((await offset(earlier.url)) !== undefined) return earlier
      localStorage.removeItem(remembered(file))
    }
    const body = new FormData(form)
    body.delete(input.name)
    body.set('filename', file.name)
    body.set('length', String(file.size))
    const answer = await ask(form.action, { method: 'POST', body })
    const made = (await answer.json()) as Upload
    localStorage.setItem(remembered(file), JSON.stringify(made))
    return made
  }

  /** How much the server has, or undefined when it has no such upload (any more). */
  async function offset(url: string): Promise<number | undefined> {
    try {
      const answer = await ask(url, { method: 'HEAD' })
      return Number(answer.headers.get('Upload-Offset') ?? 0)
    } catch (error) {
      if (error instanceof Problem && [404, 410].includes(error.status)) return undefined
      throw error
    }
  }

  async function send(file: File, signal: AbortSignal) {
    const { url, done } = await begun(file)
    let at = (await offset(url)) ?? 0
    const from = at
    const started = performance.now()
    let attempt = 0
    while (at < file.size) {
      signal.throwIfAborted()
      const body = file.slice(at, at + partBytes)
      try {
        const headers = { 'Upload-Offset': String(at), 'Content-Type': 'application/offset+octet-stream' }
        const answer = await ask(url, { method: 'PATCH', body, headers, signal })
        at = Number(answer.headers.get('Upload-Offset') ?? at + body.size)
        attempt = 0
      } catch (error) {
        signal.throwIfAborted()
        const again = !(error instanceof Problem) || error.status === 0 || error.status === 409 || error.status >= 500
        if (!again || ++attempt > patience) throw error
        said.textContent = t('The line broke. Trying again …')
        await new Promise((resolve) => window.setTimeout(resolve, backoff(attempt)))
        at = (await offset(url)) ?? at
      }
      bar.max = file.size
      bar.value = at
      const rate = (at - from) / Math.max(0.1, (performance.now() - started) / 1000)
      said.textContent = t('%s of %s, %s/s', bytes(at), bytes(file.size), bytes(rate))
    }
    localStorage.removeItem(remembered(file))
    show('done')
    location.assign(done)
  }

  async function go() {
    const file = input.files?.[0]
    if (!file || sending) return
    problem.hidden = true
    sending = new AbortController()
    show('sending')
    try {
      await send(file, sending.signal)
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') show('paused')
      else fail(error)
    } finally {
      sending = undefined
    }
  }

  form.addEventListener(
    'submit',
    (event) => {
      event.preventDefault()
      void go()
    },
    { signal: off.signal },
  )
  element.addEventListener(
    'click',
    (event) => {
      const act = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-act]')?.dataset.act : ''
      if (act === 'pause') sending?.abort()
      if (act === 'resume') void go()
    },
    { signal: off.signal },
  )
  const leave = (event: BeforeUnloadEvent) => {
    if (sending) event.preventDefault()
  }
  window.addEventListener('beforeunload', leave)
  show('ready')
  return () => {
    off.abort()
    sending?.abort()
    window.removeEventListener('beforeunload', leave)
  }
}

export default upload
