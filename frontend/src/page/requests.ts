/** htmx as we use it: our CSRF token, morphing, and every refusal shown where the reader looks. */
import htmx from 'htmx.org'
import { Idiomorph } from 'idiomorph'
import { csrf } from '../lib/http'
import { t } from '../lib/words'

type Swap = {
  xhr: XMLHttpRequest
  target: Element
  shouldSwap: boolean
  isError: boolean
  swapOverride?: string
}

type Asked = { elt: Element; requestConfig: { verb: string; boosted: boolean } }

/** What a reader did on the page (ticked, unfolded) is not the server's to undo when a row is patched. */
const keptByReader = (name: string, element: Element) =>
  (name === 'checked' && element.matches('.row-check')) ||
  (name === 'open' && element.matches('details, dialog')) ||
  name === 'data-chosen' ||
  (name === 'aria-expanded' && element.hasAttribute('popovertarget'))

/** A line that is drawn already is not the server's either: it only knows where one belongs. */
const isSameSpark = (old: Node, fresh: Node) =>
  old instanceof HTMLElement &&
  fresh instanceof HTMLElement &&
  old.matches('.spark') &&
  old.dataset.uid === fresh.dataset.uid &&
  old.dataset.spark === fresh.dataset.spark

export function requests() {
  htmx.defineExtension('morph', {
    isInlineSwap: (style: string) => style === 'morph' || style === 'morph:outerHTML',
    handleSwap: (style: string, target: Node, fragment: Node) => {
      if (!style.startsWith('morph')) return false
      return Idiomorph.morph(target, (fragment as DocumentFragment).children, {
        morphStyle: style === 'morph:innerHTML' ? 'innerHTML' : 'outerHTML',
        ignoreActiveValue: true,
        callbacks: {
          beforeAttributeUpdated: (name: string, element: Element) => !keptByReader(name, element),
          beforeNodeMorphed: (old: Node, fresh: Node) => !isSameSpark(old, fresh),
        },
      }) as Node[]
    },
  })

  document.body.addEventListener('htmx:configRequest', (event) => {
    ;(event as CustomEvent<{ headers: Record<string, string> }>).detail.headers['X-CSRFToken'] = csrf()
  })
  document.body.addEventListener('htmx:beforeSwap', (event) => {
    const detail = (event as CustomEvent<Swap>).detail
    if (detail.xhr.status < 400) return
    detail.shouldSwap = true
    detail.isError = false
    const isForm = detail.xhr.status === 422 && detail.xhr.responseText.includes('<form')
    if (isForm || detail.xhr.getResponseHeader('HX-Retarget')) return
    detail.target = document.getElementById('problems') ?? detail.target
    detail.swapOverride = 'beforeend'
    // A whole error page must not land in a corner of this one.
    if (/<html/i.test(detail.xhr.responseText)) {
      detail.shouldSwap = false
      toast(t('The request failed (%s).', detail.xhr.status))
    }
  })
  // Morphing may turn a button into another; what it asked for before must not be asked by the new one.
  document.body.addEventListener('htmx:beforeRequest', (event) => {
    const { elt, requestConfig } = (event as CustomEvent<Asked>).detail
    if (!requestConfig.boosted && !elt.hasAttribute(`hx-${requestConfig.verb}`)) event.preventDefault()
  })
  document.body.addEventListener('htmx:sendError', () => toast(t('The console does not answer. Nothing was changed.')))
}

export function toast(sentence: string) {
  const note = document.createElement('div')
  note.className = 'note tone-bad'
  note.setAttribute('role', 'alert')
  const text = document.createElement('div')
  text.textContent = sentence
  const close = document.createElement('button')
  close.type = 'button'
  close.className = 'btn-close'
  close.setAttribute('aria-label', t('Close'))
  close.setAttribute('data-close', '')
  note.append(text, close)
  document.getElementById('problems')?.append(note)
}
