/** The side pane of a form: what it will make, as YAML, as a command and as a request; the server says it. */
import { csrf } from '../lib/http'
import { t } from '../lib/words'
import type { Island } from '../page/islands'

const settle = 250 // ms without typing before the server is asked

const manifest: Island = (element) => {
  const form = document.querySelector<HTMLFormElement>(element.dataset.form!)!
  const code = element.querySelector<HTMLElement>('code')!
  const off = new AbortController()
  let waiting: number | undefined
  let asking: AbortController | undefined
  let kind = 'yaml'

  async function look() {
    asking?.abort()
    asking = new AbortController()
    const body = new FormData(form)
    body.set('as', kind)
    try {
      const answer = await fetch(element.dataset.url!, {
        method: 'POST',
        body,
        headers: { 'X-CSRFToken': csrf(), 'HX-Request': 'true' },
        signal: asking.signal,
      })
      if (answer.ok) code.textContent = await answer.text()
    } catch {
      // The form itself says what is wrong; a preview that cannot be had stays as it was.
    }
  }
  const soon = () => {
    window.clearTimeout(waiting)
    waiting = window.setTimeout(() => void look(), settle)
  }
  form.addEventListener('input', soon, { signal: off.signal })
  form.addEventListener('change', soon, { signal: off.signal })
  element.addEventListener(
    'click',
    (event) => {
      const button =
        event.target instanceof Element ? event.target.closest<HTMLElement>('[data-as], [data-copy]') : null
      if (!button) return
      if (button.dataset.as) {
        kind = button.dataset.as
        for (const each of element.querySelectorAll('[data-as]'))
          each.setAttribute('aria-pressed', String(each === button))
        void look()
      } else {
        void navigator.clipboard?.writeText(code.textContent).then(() => (button.title = t('Copied')))
      }
    },
    { signal: off.signal },
  )
  void look()
  return () => {
    off.abort()
    asking?.abort()
    window.clearTimeout(waiting)
  }
}

export default manifest
