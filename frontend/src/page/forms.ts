/** Forms that show what matters: fields of the chosen kind, rows that can be added, settings that can be found. */

/** `data-when-source="image blank"`: shown while the field `source` (of the same row) has one of these values. */
export function showChosen(root: ParentNode = document) {
  for (const element of root.querySelectorAll<HTMLElement>('form *')) {
    for (const [key, wanted] of Object.entries(element.dataset)) {
      if (!key.startsWith('when')) continue
      const field = key.slice('when'.length).toLowerCase()
      const scope = element.closest('.sub-row') ?? element.closest('form')
      element.hidden = !(wanted ?? '').split(' ').includes(value(scope, field))
    }
  }
}

function value(scope: Element | null, field: string): string {
  const named = `[name="${field}"], [name$="-${field}"]`
  for (const input of scope?.querySelectorAll<HTMLInputElement | HTMLSelectElement>(named) ?? []) {
    if (input instanceof HTMLSelectElement || input.type !== 'radio' || input.checked) return input.value
  }
  return ''
}

function addRow(kind: string) {
  const template = document.getElementById(`${kind}-template`) as HTMLTemplateElement
  const total = document.querySelector<HTMLInputElement>(`[name="${kind}-TOTAL_FORMS"]`)
  const rows = document.querySelector(`[data-rows="${kind}"]`)
  if (!total || !rows) return
  rows.append(numbered(template, total.value))
  total.value = String(Number(total.value) + 1)
  showChosen()
  ;(rows.lastElementChild?.querySelector('select, input') as HTMLElement | null)?.focus()
  total.form?.dispatchEvent(new Event('change'))
}

/** A copy of the template's row with its number in place of `__prefix__`. */
export function numbered(template: HTMLTemplateElement, number: string): DocumentFragment {
  const made = template.content.cloneNode(true) as DocumentFragment
  for (const element of made.querySelectorAll('*')) {
    for (const name of ['id', 'name', 'for', 'aria-describedby']) {
      const text = element.getAttribute(name)
      if (text?.includes('__prefix__')) element.setAttribute(name, text.replaceAll('__prefix__', number))
    }
  }
  return made
}

function dropRow(row: Element) {
  const gone = row.querySelector<HTMLInputElement>('input[name$="-DELETE"]')
  if (gone) gone.checked = true
  row.setAttribute('hidden', '')
  gone?.form?.dispatchEvent(new Event('change'))
}

/** Give a field the value it had before: `data-take-back="memory" data-value="4Gi"`. Ticks say True or False. */
export function takeBack(form: HTMLFormElement, name: string, value: string) {
  const fields = form.querySelectorAll<HTMLInputElement | HTMLSelectElement>(`[name="${CSS.escape(name)}"]`)
  for (const field of fields) {
    if (field instanceof HTMLInputElement && field.type === 'checkbox') field.checked = value === 'True'
    else if (field instanceof HTMLInputElement && field.type === 'radio') field.checked = field.value === value
    else field.value = value
  }
  fields[0]?.dispatchEvent(new Event('change', { bubbles: true }))
}

/** After a refusal the person goes on where the first thing is wrong, wherever it is folded away. */
export function focusFirstError(root: ParentNode = document) {
  const first = root.querySelector<HTMLElement>('main form [aria-invalid="true"]')
  const wrong = first ?? root.querySelector<HTMLElement>('main form .form-error ~ * input')
  if (!wrong) return
  for (let fold = wrong.closest('details'); fold; fold = fold.parentElement?.closest('details') ?? null)
    fold.open = true
  wrong.focus()
}

function find(text: string) {
  const wanted = text.trim().toLowerCase()
  for (const section of document.querySelectorAll<HTMLElement>('[data-setting]')) {
    const hit = section.textContent.toLowerCase().includes(wanted)
    section.hidden = wanted !== '' && !hit
  }
}

export function forms() {
  document.addEventListener('change', () => showChosen())
  document.addEventListener('click', (event) => {
    if (!(event.target instanceof Element)) return
    const kind = event.target.closest<HTMLElement>('[data-add-row]')?.dataset.addRow
    if (kind) addRow(kind)
    const back = event.target.closest<HTMLElement>('[data-take-back]')
    const form = back?.closest('form') ?? document.querySelector<HTMLFormElement>('#configure')
    if (back && form) takeBack(form, back.dataset.takeBack!, back.dataset.value ?? '')
    const dropped = event.target.closest('[data-drop-row]')?.closest('.sub-row')
    if (dropped) dropRow(dropped)
  })
  document.addEventListener('input', (event) => {
    if (event.target instanceof HTMLInputElement && event.target.matches('[data-settings-search]'))
      find(event.target.value)
  })
  showChosen()
  focusFirstError()
}
