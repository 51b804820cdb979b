/** Wakes the page: styles, htmx, feed, keyboard, islands. */
import '@tabler/core/dist/css/tabler.min.css'
import './styles/fonts.css'
import './styles/tokens.css'
import './styles/layout.css'
import './styles/page.css'
import './styles/things.css'
import './styles/tables.css'
import './styles/lists.css'
import './styles/forms.css'
import './styles/layers.css'
import './styles/consoles.css'
import './styles/logs.css'
import { openFeed, type Mark } from './lib/feed'
import { clock } from './lib/format'
import { t } from './lib/words'
import { zone } from './lib/zone'
import { asking } from './page/asking'
import { copying } from './page/copying'
import { dialogs, unlocks } from './page/dialogs'
import { forms } from './page/forms'
import { wakeIslands } from './page/islands'
import { keys } from './page/keys'
import { count, lists } from './page/lists'
import { memory } from './page/memory'
import { menus } from './page/menus'
import { pictures } from './page/pictures'
import { requests } from './page/requests'
import { letKeysScroll } from './page/scrolling'
import { tellTimes, times } from './page/times'

requests()
menus()
asking()
copying()
dialogs()
unlocks()
forms()
pictures()
memory()
lists()
times()
wakeIslands()
keys(() => void import('./page/palette').then((module) => module.openPalette()))
document.querySelector<HTMLInputElement>('#search')?.addEventListener('focus', (event) => {
  const input = event.target as HTMLInputElement
  void import('./page/palette').then((module) => module.wakeSearch(input))
})
document
  .querySelector('[data-palette]')
  ?.addEventListener('click', () => void import('./page/palette').then((module) => module.openPalette()))

const sparks = () => {
  if (document.querySelector('.spark')) void import('./page/sparks').then((module) => module.wakeSparks())
}
sparks()
letKeysScroll()
window.addEventListener('resize', () => letKeysScroll())

const mark = document.getElementById('live')
function showMark(now: Mark, since: Date, silent = '') {
  if (!mark) return
  mark.dataset.state = now
  const word = mark.querySelector('.word')
  const at = clock(since, document.documentElement.lang, zone())
  const said = { live: t('Live'), reconnecting: t('Reconnecting'), stale: t('Stale since %s', at) }[now]
  const why: Record<string, string> = {
    controller: t('The controller does not answer. States and figures are the last that were seen.'),
    worker: t('The worker does not answer. What is asked for waits until it is back.'),
  }
  if (word) word.textContent = said
  mark.title = why[silent] ?? said
}
if (mark) {
  const feed = openFeed(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/feed`, showMark)
  document.body.addEventListener('htmx:afterSettle', () => feed.subscribe())
  document.body.addEventListener('feed-subscribe', () => feed.subscribe())
  window.addEventListener('pagehide', () => feed.close())
  // Back from the browser's memory: what it shows is old, and perhaps no longer theirs to see.
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload()
  })
}
document.body.addEventListener('htmx:afterSettle', (event) => {
  tellTimes(event.target as ParentNode)
  count()
  sparks()
  letKeysScroll()
})
