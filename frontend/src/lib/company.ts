/** Who else is at this console, and who drives: what the far side says of it, and the wishes it takes.
 *
 * The far side says nothing as long as somebody is alone; then they drive.
 */
import { clock } from './format'
import { t } from './words'

export type Guest = {
  id: number
  name: string
  since: string
  drives: boolean
  asks: boolean
  looks: boolean
  program: boolean
}
export type Told = { people: Guest[]; you: number; idle: boolean; may_take: boolean }
export type Wish = { act: 'ask' | 'take' } | { act: 'give' | 'refuse'; to: number }

export const isTold = (message: unknown): message is Told =>
  typeof message === 'object' && message !== null && 'people' in message

export type Company = {
  hear(told: Told): void
  /** A new connection: whoever was here says so again. */
  reset(): void
  readonly drives: boolean
}

/** `shared`: everybody may type, so nobody has to ask. `changed` hears whether we drive. */
export function keepCompany(
  element: HTMLElement,
  options: { shared: boolean; wish: (wish: Wish) => void; changed: (drives: boolean) => void },
): Company {
  const button = element.querySelector<HTMLButtonElement>('[data-company]')!
  const label = button.querySelector<HTMLElement>('[data-company-label]')!
  const list = element.querySelector<HTMLElement>('[data-company-list]')!
  const strip = element.querySelector<HTMLElement>('[data-company-strip]')!
  let drives = true
  let shown = ''

  const hear = (told: Told) => {
    const me = told.people.find(({ id }) => id === told.you)
    const alone = told.people.length < 2
    button.hidden = alone
    element.dataset.viewers = String(told.people.length)
    label.textContent = t('%s here', told.people.length)
    list.replaceChildren(...told.people.map((person) => row(person, told, options.shared)))
    const now = options.shared || alone || (me?.drives ?? true)
    const text = JSON.stringify([
      told.idle,
      told.may_take,
      told.people.map(({ name, drives, asks }) => [name, drives, asks]),
    ])
    if (text !== shown) {
      shown = text
      const parts = options.shared || alone || !me ? [] : says(told, me, options.wish)
      strip.replaceChildren(...parts)
      strip.hidden = !parts.length
    }
    if (now === drives) return
    drives = now
    element.toggleAttribute('data-watching', !drives)
    options.changed(drives)
  }

  return {
    hear,
    reset: () => hear({ people: [], you: 0, idle: false, may_take: true }),
    get drives() {
      return drives
    },
  }
}

/** One person of the list: who, since when, and what they do here. */
function row(person: Guest, told: Told, shared: boolean): HTMLElement {
  const line = document.createElement('li')
  const name = document.createElement('strong')
  name.textContent = person.id === told.you ? t('%s (you)', person.name) : person.name
  const about = document.createElement('span')
  about.className = 'quiet'
  const does = person.looks ? t('only looks') : person.drives ? (shared ? t('may type') : t('drives')) : t('watches')
  const since = t('since %s', clock(new Date(person.since), document.documentElement.lang))
  about.textContent = [
    does,
    since,
    ...(person.program ? [t('a program')] : []),
    ...(person.asks ? [t('asks for control')] : []),
  ].join(' · ')
  line.append(name, about)
  if (person.drives && !shared) line.dataset.drives = ''
  return line
}

/** What stands below the buttons: who drives and what can be done about it, or who asks us. */
function says(told: Told, me: Guest, wish: (wish: Wish) => void): HTMLElement[] {
  const driver = told.people.find((person) => person.drives)
  if (me.drives)
    return told.people
      .filter((person) => person.asks)
      .flatMap((person) => [
        sentence(t('%s asks for control.', person.name)),
        act(t('Hand over'), 'primary', () => wish({ act: 'give', to: person.id })),
        act(t('Not now'), 'ghost', () => wish({ act: 'refuse', to: person.id })),
      ])
      .concat(offers(told, me, wish))
  const who = !driver
    ? t('Nobody drives now.')
    : told.idle
      ? t('%s drives, but has not touched it for a while.', driver.name)
      : t('%s drives. You are watching.', driver.name)
  const parts = [sentence(who)]
  if (me.looks) return parts
  if (told.may_take) parts.push(act(t('Take control'), 'primary', () => wish({ act: 'take' })))
  if (driver && !told.idle && driver.name !== me.name)
    parts.push(
      me.asks ? sentence(t('You have asked.')) : act(t('Ask for control'), 'ghost', () => wish({ act: 'ask' })),
    )
  return parts
}

/** Handing over without being asked. */
function offers(told: Told, me: Guest, wish: (wish: Wish) => void): HTMLElement[] {
  const others = told.people.filter((person) => person.id !== me.id && !person.looks && !person.asks)
  if (!others.length || told.people.some((person) => person.asks)) return []
  return [
    sentence(t('You drive; the others watch.')),
    ...others
      .slice(0, 3)
      .map((person) => act(t('Hand over to %s', person.name), 'ghost', () => wish({ act: 'give', to: person.id }))),
  ]
}

function sentence(text: string): HTMLElement {
  const said = document.createElement('span')
  said.textContent = text
  return said
}

function act(text: string, kind: 'primary' | 'ghost', done: () => void): HTMLElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = `btn btn-sm btn-${kind}`
  button.textContent = text
  button.addEventListener('click', done)
  return button
}
