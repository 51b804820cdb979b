/** Menus are the browser's popovers (top layer, Escape, click outside); this only places them and moves the focus. */

export function menus() {
  // Popover events don't bubble, but they can be caught on the way down.
  document.addEventListener('toggle', placed, true)
  document.addEventListener('keydown', arrows)
  document.addEventListener('click', closeAfterChoice)
}

const isMenu = (node: unknown): node is HTMLElement => node instanceof HTMLElement && node.matches('.menu[popover]')
const opener = (menu: HTMLElement) =>
  document.querySelector<HTMLElement>(`[popovertarget="${CSS.escape(menu.id)}"]`) ?? undefined

function placed(event: Event) {
  const menu = event.target
  if (!isMenu(menu)) return
  const button = opener(menu)
  const open = (event as ToggleEvent).newState === 'open'
  button?.setAttribute('aria-expanded', String(open))
  if (!open || !button) return
  const from = button.getBoundingClientRect()
  const size = menu.getBoundingClientRect()
  const gap = 4
  const below = from.bottom + gap + size.height <= window.innerHeight || from.top < size.height + gap
  const left = menu.dataset.align === 'start' ? from.left : from.right - size.width
  menu.style.top = `${below ? from.bottom + gap : from.top - gap - size.height}px`
  menu.style.left = `${Math.max(8, Math.min(left, window.innerWidth - size.width - 8))}px`
  const first = menu.querySelector<HTMLElement>('[autofocus]') ?? items(menu)[0]
  first?.focus({ preventScroll: true })
}

const items = (menu: HTMLElement) => [
  ...menu.querySelectorAll<HTMLElement>('a[href], button:not(:disabled), input:not(:disabled)'),
]

function arrows(event: KeyboardEvent) {
  const menu = event.target instanceof Element ? event.target.closest('.menu[popover]') : null
  if (!isMenu(menu) || (event.key !== 'ArrowDown' && event.key !== 'ArrowUp')) return
  const all = items(menu)
  const at = all.indexOf(document.activeElement as HTMLElement)
  all[(at + (event.key === 'ArrowDown' ? 1 : -1) + all.length) % all.length]?.focus()
  event.preventDefault()
}

function closeAfterChoice(event: MouseEvent) {
  const target = event.target instanceof Element ? event.target : undefined
  const chosen = target?.closest('a, button')
  const menu = chosen?.closest('.menu[popover]')
  if (isMenu(menu) && !chosen?.closest('[data-stay]')) menu.hidePopover()
}
