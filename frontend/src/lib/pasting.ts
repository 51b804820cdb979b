/** The form that types a text on the guest's keyboard: what cannot be typed, how far it is, and a way to stop. */
import { isLayout, likely, type Layout } from './keyboards'
import { t } from './words'
import { play, strokes, type Press } from './typing'

const every = 12 // ms between two keys: faster loses keys in firmware and boot loaders
const readable = 10_000 // ms that the end is shown
const remembered = 'vmconsole-keyboard'

export function pasting(element: HTMLElement, press: Press, signal: AbortSignal): { stop: () => void } {
  const form = element.querySelector<HTMLFormElement>('[data-paste]')!
  const text = form.querySelector('textarea')!
  const select = form.querySelector('select')!
  const note = form.querySelector<HTMLElement>('[data-impossible]')!
  const strip = element.querySelector<HTMLElement>('[data-typing]')!
  const bar = strip.querySelector('progress')!
  const said = strip.querySelector<HTMLElement>('[data-typed]')!
  const cancel = strip.querySelector<HTMLButtonElement>('button')!
  let stop: (() => void) | undefined
  let hides: number | undefined

  const layout = (): Layout => (isLayout(select.value) ? select.value : 'us')
  const name = () => {
    const { impossible } = strokes(text.value, layout())
    note.hidden = !impossible.length
    note.textContent = impossible.length
      ? t('Left out, as this keyboard cannot type it: %s', impossible.slice(0, 20).join(' '))
      : ''
  }

  const type = () => {
    stop?.()
    const list = strokes(text.value, layout()).strokes
    if (!list.length) return
    window.clearTimeout(hides)
    strip.hidden = false
    cancel.hidden = false
    bar.max = list.length
    stop = play(
      list,
      press,
      (done, ended) => {
        bar.value = done
        said.textContent =
          ended && done < list.length
            ? t('Stopped after %s of %s keys', done, list.length)
            : t('Typing: %s of %s keys', done, list.length)
        if (!ended) return
        stop = undefined
        cancel.hidden = true
        if (done === list.length) strip.hidden = true
        else hides = window.setTimeout(() => (strip.hidden = true), readable)
      },
      every,
    )
  }

  const kept = localStorage.getItem(remembered)
  select.value = isLayout(kept) ? kept : likely(navigator.language)
  text.addEventListener('input', name, { signal })
  select.addEventListener(
    'change',
    () => {
      localStorage.setItem(remembered, select.value)
      name()
    },
    { signal },
  )
  form.addEventListener(
    'submit',
    (event) => {
      event.preventDefault()
      name()
      form.closest<HTMLElement>('[popover]')?.hidePopover()
      type()
    },
    { signal },
  )
  cancel.addEventListener('click', () => stop?.(), { signal })
  return { stop: () => stop?.() }
}
