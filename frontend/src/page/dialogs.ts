/** Dialogs and the side panel: the server renders them, the page opens and closes them.
 *
 * A fragment that htmx puts into #dialog opens it; [data-close] closes it; a [data-dialog="id"] button opens a dialog
 * that is already on the page. A response may say HX-Trigger: dialog-close.
 */

export function dialogs() {
  const box = () => document.getElementById('dialog') as HTMLDialogElement | null
  const side = () => document.getElementById('side')
  let chosen: Element | null = null

  const closeSide = () => {
    delete side()?.dataset.open
    side()?.replaceChildren()
    chosen?.removeAttribute('data-chosen')
    chosen = null
  }

  document.body.addEventListener('htmx:afterSwap', (event) => {
    const { target, requestConfig } = (event as CustomEvent<{ target: Element; requestConfig?: { elt?: Element } }>)
      .detail
    if (target.id === 'dialog' && target.childElementCount > 0) {
      const dialog = target as HTMLDialogElement
      if (!dialog.open) dialog.showModal()
      dialog.querySelector<HTMLElement>('[autofocus]')?.focus()
    }
    if (target.id === 'side') {
      target.setAttribute('data-open', '')
      const row = requestConfig?.elt?.closest('tr') ?? null
      if (row) {
        chosen?.removeAttribute('data-chosen')
        chosen = row
        row.setAttribute('data-chosen', '')
      }
    }
  })
  document.body.addEventListener('dialog-close', () => box()?.close())

  document.addEventListener('click', (event) => {
    if (!(event.target instanceof Element)) return
    const opener = event.target.closest<HTMLElement>('[data-dialog]')
    if (opener) (document.getElementById(opener.dataset.dialog ?? '') as HTMLDialogElement | null)?.showModal()
    const closer = event.target.closest('[data-close]')
    if (closer?.closest('dialog')) closer.closest('dialog')?.close()
    else if (closer?.closest('#side')) closeSide()
    else closer?.closest('.note')?.remove()
    // The backdrop belongs to the dialog element itself, everything inside is a descendant.
    if (event.target instanceof HTMLDialogElement && !event.target.hasAttribute('data-firm')) event.target.close()
  })
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !document.querySelector('dialog[open], [popover]:popover-open')) closeSide()
  })
}

/** Buttons that need a typed name first: `<input data-unlocks="#the-button" data-exactly="web-1">`. */
export function unlocks() {
  document.addEventListener('input', (event) => {
    if (!(event.target instanceof HTMLInputElement) || !event.target.dataset.unlocks) return
    const button = document.querySelector<HTMLButtonElement>(event.target.dataset.unlocks)
    if (button) button.disabled = event.target.value !== event.target.dataset.exactly
  })
}
