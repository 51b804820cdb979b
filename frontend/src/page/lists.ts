/** Lists: choosing rows, the bulk bar, and the words of the search box. */
import { t } from '../lib/words'

export function lists() {
  document.addEventListener('change', (event) => {
    if (!(event.target instanceof HTMLInputElement)) return
    if (event.target.matches('.row-check-all')) {
      const table = event.target.closest('table')
      for (const box of table?.querySelectorAll<HTMLInputElement>('.row-check') ?? [])
        box.checked = event.target.checked
    }
    if (event.target.matches('.row-check, .row-check-all')) {
      chooseAll(false)
      count()
    }
    if (event.target.matches('[data-submits]')) event.target.form?.requestSubmit()
  })
  document.addEventListener('change', (event) => {
    if (event.target instanceof HTMLSelectElement && event.target.matches('[data-submits]'))
      event.target.form?.requestSubmit()
  })
  document.addEventListener('click', (event) => {
    if (event.target instanceof Element && event.target.closest('[data-choose-all]')) {
      chooseAll(true)
      count()
    }
    const word = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-word]') : null
    const input = word?.closest('.query')?.querySelector<HTMLInputElement>('input')
    if (!word || !input) return
    const text = input.value.trim()
    input.value = `${text}${text ? ' ' : ''}${word.dataset.word}`
    input.focus()
    if (!input.value.endsWith(':') && !input.value.endsWith('>')) input.form?.requestSubmit()
  })
  // Safari focuses no buttons; without this the help would close before the click arrives.
  document.addEventListener('mousedown', (event) => {
    if (event.target instanceof Element && event.target.closest('.query-help')) event.preventDefault()
  })
  count()
}

/** Not only what this page shows, but everything that the search finds. */
function chooseAll(all: boolean) {
  const field = document.querySelector<HTMLInputElement>('.bulk [data-all]')
  if (field) field.value = all ? '1' : ''
}

export function count() {
  const bar = document.querySelector<HTMLElement>('.bulk')
  if (!bar) return
  const chosen = document.querySelectorAll('.row-check:checked').length
  bar.toggleAttribute('data-some', chosen > 0)
  const found = document.querySelector<HTMLInputElement>('[data-total]')
  const everything = chosen > 0 && bar.querySelector<HTMLInputElement>('[data-all]')?.value === '1'
  if (chosen === 0) chooseAll(false)
  const said = bar.querySelector('[data-chosen-count]')
  if (said) said.textContent = everything ? t('All %s that match', found?.dataset.said ?? '') : t('%s selected', chosen)
  const more = bar.querySelector<HTMLElement>('[data-choose-all]')
  if (more) {
    more.hidden =
      everything || chosen < document.querySelectorAll('.row-check').length || Number(found?.value) <= chosen
    more.textContent = t('Select all %s that match', found?.dataset.said ?? '')
  }
  const all = document.querySelector<HTMLInputElement>('.row-check-all')
  if (all) {
    const total = document.querySelectorAll('.row-check').length
    all.checked = total > 0 && chosen === total
    all.indeterminate = chosen > 0 && chosen < total
  }
}
