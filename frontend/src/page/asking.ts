/** "Really?" in a dialog of the page, for buttons that say what they would destroy: `data-ask="…"`. */
import { t } from '../lib/words'

type Confirm = { elt: Element; issueRequest: (skip: boolean) => void }

export function asking() {
  document.body.addEventListener('htmx:confirm', (event) => {
    const { elt, issueRequest } = (event as CustomEvent<Confirm>).detail
    const sentence = elt instanceof HTMLElement ? elt.dataset.ask : undefined
    if (!sentence || !(elt instanceof HTMLElement)) return
    event.preventDefault()
    void ask(sentence, elt.dataset.askYes ?? t('Yes')).then((yes) => {
      if (yes) issueRequest(true)
    })
  })
}

function ask(sentence: string, yes: string): Promise<boolean> {
  const dialog = document.createElement('dialog')
  dialog.className = 'box'
  const body = document.createElement('div')
  body.className = 'box-body'
  body.textContent = sentence
  const foot = document.createElement('form')
  foot.method = 'dialog'
  foot.className = 'box-foot'
  foot.append(button(t('Cancel'), 'no', 'btn'), button(yes, 'yes', 'btn btn-danger'))
  dialog.append(body, foot)
  document.body.append(dialog)
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
  })
}

function button(label: string, value: string, look: string): HTMLButtonElement {
  const made = document.createElement('button')
  made.className = look
  made.value = value
  made.textContent = label
  return made
}
