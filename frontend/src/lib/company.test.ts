import { beforeEach, describe, expect, it } from 'vitest'
import { keepCompany, type Guest, type Told, type Wish } from './company'

const person = (id: number, name: string, more: Partial<Guest> = {}): Guest => ({
  id, name, since: '2026-11-27T10:00:00Z', drives: false, asks: false, looks: false, program: false, ...more,
}) // prettier-ignore
const told = (people: Guest[], more: Partial<Told> = {}): Told => ({
  people,
  you: 1,
  idle: false,
  may_take: false,
  ...more,
})

describe('company', () => {
  let element: HTMLElement
  let wishes: Wish[]
  let driving: boolean[]
  const start = (shared = false) =>
    keepCompany(element, { shared, wish: (wish) => wishes.push(wish), changed: (drives) => driving.push(drives) })
  const strip = () => element.querySelector<HTMLElement>('[data-company-strip]')!
  const press = (name: string) =>
    [...strip().querySelectorAll('button')].find((one) => one.textContent === name)!.click()

  beforeEach(() => {
    wishes = []
    driving = []
    document.documentElement.lang = 'en'
    document.body.innerHTML = `<div><button data-company hidden><span data-company-label></span></button>
      <ul data-company-list></ul><div data-company-strip hidden></div></div>`
    element = document.body.firstElementChild as HTMLElement
  })

  it('says nothing to somebody who is alone', () => {
    const company = start()
    company.hear(told([person(1, 'ed', { drives: true })]))
    expect([strip().hidden, company.drives, driving]).toEqual([true, true, []])
  })

  it('lets a watcher ask, and take what may be taken', () => {
    const company = start()
    const people = [person(2, 'mia', { drives: true }), person(1, 'ed')]
    company.hear(told(people))
    expect([company.drives, driving, strip().textContent]).toEqual([
      false,
      [false],
      'mia drives. You are watching.Ask for control',
    ])
    press('Ask for control')
    company.hear(told(people, { may_take: true, idle: true }))
    press('Take control')
    expect(wishes).toEqual([{ act: 'ask' }, { act: 'take' }])
    company.hear(told([person(2, 'mia'), person(1, 'ed', { drives: true })]))
    expect(driving).toEqual([false, true])
  })

  it('lets the driver hand over to whoever asks', () => {
    const company = start()
    company.hear(told([person(1, 'ed', { drives: true }), person(2, 'mia', { asks: true })]))
    press('Hand over')
    press('Not now')
    expect(wishes).toEqual([
      { act: 'give', to: 2 },
      { act: 'refuse', to: 2 },
    ])
  })

  it('offers nothing to somebody who only looks', () => {
    const company = start()
    company.hear(told([person(2, 'mia', { drives: true }), person(1, 'ed', { looks: true })]))
    expect(strip().querySelector('button')).toBeNull()
  })

  it('takes names for text', () => {
    start().hear(told([person(1, 'ed', { drives: true }), person(2, '<img src=x onerror=alert(1)>', { asks: true })]))
    expect(element.querySelector('img')).toBeNull()
  })

  it('lets everybody type at a serial port', () => {
    const company = start(true)
    company.hear(told([person(2, 'mia', { drives: true }), person(1, 'ed', { drives: true })]))
    expect([strip().hidden, company.drives, element.querySelectorAll('li').length]).toEqual([true, true, 2])
  })
})
