/** fetch with our CSRF token, and errors as the sentence the server wrote. */
import { t } from './words'

export const csrf = () => document.querySelector<HTMLMetaElement>('meta[name="csrf"]')?.content ?? ''

export class Problem extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message)
  }
}

export async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  headers.set('X-CSRFToken', csrf())
  headers.set('Accept', headers.get('Accept') ?? 'application/json')
  let answer: Response
  try {
    answer = await fetch(url, { ...init, headers, credentials: 'same-origin', redirect: 'error' })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Problem(t('The console does not answer.'), 0)
  }
  if (!answer.ok) throw new Problem(await sentence(answer), answer.status)
  return answer
}

async function sentence(answer: Response): Promise<string> {
  try {
    const body = (await answer.json()) as { detail?: string; title?: string }
    return body.detail ?? body.title ?? answer.statusText
  } catch {
    return answer.statusText || t('The console does not answer.')
  }
}
