/** What the browser remembers of the frame: theme, narrow navigation, operations panel. In cookies, so that the server
 * renders the next page right and nothing flickers. */

import { browsersZone } from '../lib/zone'

export function remember(name: string, value: string) {
  const secure = location.protocol === 'https:' ? '; secure' : ''
  document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax${secure}`
}

/** The theme is kept by the server; without this the page would reload to show it. */
function theme(event: SubmitEvent) {
  const form = event.target
  if (!(form instanceof HTMLFormElement) || !form.matches('[data-theme-form]')) return
  if (!(event.submitter instanceof HTMLButtonElement)) return
  event.preventDefault()
  const body = new FormData(form, event.submitter)
  document.documentElement.dataset.bsTheme = event.submitter.value
  for (const button of form.querySelectorAll('button')) button.removeAttribute('aria-current')
  event.submitter.setAttribute('aria-current', 'true')
  document.body.dispatchEvent(new CustomEvent('theme'))
  void fetch(form.action, { method: 'post', body, redirect: 'manual', credentials: 'same-origin' })
}

export function memory() {
  // Days that are typed into a search are this browser's, unless somebody chose a zone.
  const ours = browsersZone()
  if (ours && !document.cookie.split('; ').includes(`zone=${ours}`)) remember('zone', ours)
  document.addEventListener('submit', theme)
  document.addEventListener('click', (event) => {
    if (!(event.target instanceof Element)) return
    if (event.target.closest('[data-nav-toggle]')) {
      const slim = document.documentElement.dataset.nav !== 'slim'
      document.documentElement.dataset.nav = slim ? 'slim' : 'wide'
      remember('nav', slim ? 'slim' : 'wide')
    }
    const toggle = event.target.closest('.ops-toggle')
    const ops = toggle?.closest<HTMLElement>('.ops')
    if (toggle && ops) {
      const open = ops.toggleAttribute('data-open')
      toggle.setAttribute('aria-expanded', String(open))
      remember('ops', open ? 'open' : 'shut')
    }
  })
}
