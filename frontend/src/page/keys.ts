/** Keyboard first: `/` searches everything, `f` this list, `g v` goes to the virtual machines, `?` shows all of it. */

/** In a guest, and not among the buttons above it. */
const isInGuest = (target: EventTarget | null) =>
  target instanceof Element && target.closest('vm-screen, vm-terminal') !== null && !target.closest('.screen-bar')

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || isInGuest(target) || target.closest('input, textarea, select, dialog') !== null)

/** A screen and a terminal take every key, Tab too: Ctrl+Alt+Home is the way out, to their buttons. */
export function leaveConsole(event: KeyboardEvent) {
  if (!event.ctrlKey || !event.altKey || event.key !== 'Home' || !(event.target instanceof Element)) return
  const button = event.target
    .closest('vm-screen, vm-terminal')
    ?.querySelector<HTMLElement>('.screen-bar button:not([hidden])')
  if (!button) return
  event.preventDefault()
  event.stopImmediatePropagation()
  // The guest would never hear that Ctrl and Alt were let go: noVNC lets go of all keys when the window loses the focus.
  window.dispatchEvent(new Event('blur'))
  button.focus()
}

export function keys(openPalette: () => void) {
  let first = ''
  let forget: number | undefined

  window.addEventListener('keydown', leaveConsole, { capture: true })
  document.addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      if (isInGuest(event.target)) return
      event.preventDefault()
      openPalette()
      return
    }
    if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return
    const combination = first ? `${first} ${event.key}` : event.key
    window.clearTimeout(forget)
    first = ''
    const box = { '/': '#search', f: 'main [data-query]' }[event.key]
    const found = box && combination === event.key ? document.querySelector<HTMLInputElement>(box) : null
    if (found) {
      event.preventDefault()
      found.focus()
      found.select()
    } else if (event.key === '?') {
      ;(document.getElementById('keys') as HTMLDialogElement | null)?.showModal()
    } else {
      const link = document.querySelector<HTMLAnchorElement>(`a[data-keys="${CSS.escape(combination)}"]`)
      if (link) link.click()
      else if (event.key === 'g' || event.key === 'c') {
        first = event.key
        forget = window.setTimeout(() => (first = ''), 1200)
      }
    }
  })
}
