import { afterEach, describe, expect, it } from 'vitest'
import { numbered, showChosen, takeBack } from './forms'
import { count } from './lists'
import { unlocks } from './dialogs'
import { letKeysScroll } from './scrolling'
import { tellTimes } from './times'
import { items, pages } from './finder'
import { leaveConsole } from './keys'

afterEach(() => (document.body.innerHTML = ''))

describe('forms', () => {
  it('show the fields of what was chosen', () => {
    document.body.innerHTML = `<form><input type="radio" name="source" value="image" checked>
      <input type="radio" name="source" value="disk"><p id="a" data-when-source="image blank"></p><p id="b" data-when-source="disk"></p></form>`
    showChosen()
    expect([document.getElementById('a')?.hidden, document.getElementById('b')?.hidden]).toEqual([false, true])
  })

  it('take a field back, whatever it is', () => {
    document.body.innerHTML = `<form><input name="memory" value="8Gi"><input type="checkbox" name="protected" checked>
      <input type="radio" name="sizing" value="own" checked><input type="radio" name="sizing" value="big"></form>`
    const form = document.querySelector('form')!
    let changes = 0
    form.addEventListener('change', () => changes++)
    takeBack(form, 'memory', '4Gi')
    takeBack(form, 'protected', 'False')
    takeBack(form, 'sizing', 'big')
    const data = new FormData(form)
    expect([data.get('memory'), data.get('protected'), data.get('sizing'), changes]).toEqual(['4Gi', null, 'big', 3])
  })

  it('number a new row', () => {
    const template = document.createElement('template')
    template.innerHTML =
      '<label for="id_disk-__prefix__-name"></label><input name="disk-__prefix__-name" id="id_disk-__prefix__-name">'
    const row = numbered(template, '3')
    expect(row.querySelector('input')?.name).toBe('disk-3-name')
    expect(row.querySelector('label')?.getAttribute('for')).toBe('id_disk-3-name')
  })
})

it('the delete button waits for the exact name', () => {
  document.body.innerHTML = '<input data-unlocks="#go" data-exactly="web-1"><button id="go" disabled></button>'
  unlocks()
  const [input, button] = [document.querySelector('input')!, document.querySelector('button')!]
  const type = (text: string) => {
    input.value = text
    input.dispatchEvent(new Event('input', { bubbles: true }))
    return button.disabled
  }
  expect([type('web-'), type('web-1'), type('web-12')]).toEqual([true, false, true])
})

it('the bulk bar counts what is chosen', () => {
  document.body.innerHTML = `<table><tr><th><input type="checkbox" class="row-check-all"></th></tr>
    <tr><td><input type="checkbox" class="row-check" checked></td></tr><tr><td><input type="checkbox" class="row-check"></td></tr></table>
    <div class="bulk"><span data-chosen-count></span></div>`
  count()
  expect(document.querySelector('.bulk')?.hasAttribute('data-some')).toBe(true)
  expect(document.querySelector('[data-chosen-count]')?.textContent).toBe('1 selected')
  expect(document.querySelector<HTMLInputElement>('.row-check-all')?.indeterminate).toBe(true)
})

it('a time tells itself in words, and exactly on hover', () => {
  document.documentElement.lang = 'en'
  const then = new Date(Date.now() - 3 * 60_000).toISOString()
  document.body.innerHTML = `<time data-ago datetime="${then}"></time>`
  tellTimes()
  const time = document.querySelector('time')!
  expect(time.textContent).toBe('3 minutes ago')
  expect(time.title).toContain(`${then.slice(0, 19).replace('T', ' ')} UTC`)
})

it('what is wider than its place is a stop for the keyboard, and nothing else', () => {
  document.body.innerHTML =
    '<div class="table-scroll" id="wide"></div><div class="table-wrap" id="fits" tabindex="0"></div>'
  Object.defineProperty(document.querySelector('#wide'), 'scrollWidth', { value: 100 })
  letKeysScroll()
  expect(document.querySelector<HTMLElement>('#wide')?.tabIndex).toBe(0)
  expect(document.querySelector('#fits')?.hasAttribute('tabindex')).toBe(false)
})

it('the palette knows the pages of the navigation', () => {
  document.body.innerHTML =
    '<a href="/vms/" data-title="Virtual machines" data-icon="x"></a><a href="/disks/" data-title="Disks"></a>'
  expect(pages('virt', document.querySelectorAll('a')).map((entry) => entry.label)).toEqual(['Virtual machines'])
})

it('what was found stands in groups, and only things can be chosen', () => {
  const entry = { label: 'web', sub: '', url: '/', post: false, icon: 'x' }
  const made = items(
    [
      { ...entry, group: 'Machines' },
      { ...entry, group: 'Machines' },
      { ...entry, group: 'Disks' },
    ],
    2,
    'list',
  )
  expect(made.map((item) => item.getAttribute('role'))).toEqual([
    'presentation',
    'option',
    'option',
    'presentation',
    'option',
  ])
  expect(made.map((item) => item.getAttribute('aria-selected'))).toEqual([null, 'false', 'false', null, 'true'])
})

it('everything that matches can be chosen once the whole page is', () => {
  document.body.innerHTML = `<input data-total value="120" data-said="120"><input type="checkbox" class="row-check" checked>
    <div class="bulk"><span data-chosen-count></span><input data-all value=""><button data-choose-all hidden></button></div>`
  count()
  const more = document.querySelector<HTMLElement>('[data-choose-all]')!
  expect([more.hidden, more.textContent]).toEqual([false, 'Select all 120 that match'])
  document.querySelector<HTMLInputElement>('[data-all]')!.value = '1'
  count()
  expect([more.hidden, document.querySelector('[data-chosen-count]')?.textContent]).toEqual([
    true,
    'All 120 that match',
  ])
})

it('a screen is left by Ctrl+Alt+Home, to its buttons', () => {
  document.body.innerHTML =
    '<vm-screen><div class="screen-bar"><button>Keys</button></div><canvas tabindex="0"></canvas></vm-screen>'
  const canvas = document.querySelector('canvas')!
  canvas.addEventListener('keydown', leaveConsole)
  const press = (key: string) => {
    canvas.focus()
    canvas.dispatchEvent(new KeyboardEvent('keydown', { key, ctrlKey: true, altKey: true, bubbles: true }))
    return document.activeElement?.tagName
  }
  expect([press('End'), press('Home')]).toEqual(['CANVAS', 'BUTTON'])
})
