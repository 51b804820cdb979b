/** The command palette: go to a page or a thing, or do something to it ("stop web-3"). And the search on top. */
import { finder } from './finder'

let wake: (() => void) | undefined

export function openPalette() {
  wake ??= build()
  wake()
}

function build() {
  const dialog = document.getElementById('palette') as HTMLDialogElement
  const input = dialog.querySelector('input')!
  const look = finder(input, dialog.querySelector('ul')!, dialog.dataset.url ?? '', { first: 0, always: true })
  return () => {
    input.value = ''
    dialog.showModal()
    look()
  }
}

/** The search of the top bar: the same results under it; Enter without a choice searches the machines. */
export function wakeSearch(input: HTMLInputElement) {
  const list = document.getElementById('search-list')
  const url = document.getElementById('palette')?.dataset.url
  if (!list || !url || input.dataset.awake) return
  input.dataset.awake = ''
  const look = finder(input, list, url, { first: -1, always: false })
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return
    input.value = ''
    look()
    input.blur()
  })
  if (input.value) look()
}
