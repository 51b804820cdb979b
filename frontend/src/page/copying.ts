/** `<button data-copy="#id">` copies the text of what it points at. */
import { t } from '../lib/words'

export function copying() {
  document.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-copy^="#"]') : null
    const text = button && document.querySelector(button.dataset.copy!)?.textContent
    if (!text) return
    void navigator.clipboard?.writeText(text.trim()).then(() => {
      button.title = t('Copied')
      button.setAttribute('aria-label', t('Copied'))
    })
  })
}
