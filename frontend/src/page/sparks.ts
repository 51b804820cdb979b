/** Small lines beside rows: `<span class="spark" data-spark="cpu" data-uid="…">`.
 *
 * One of these for the whole page. What comes in ten seconds is drawn in one frame, and only where somebody can see it:
 * rows off the screen, and hidden tabs, cost nothing. A row that is seen for the first time is added to the feed.
 */
import type { Glances } from '../lib/feed'
import { height, joined, most, now, paths, width, type Line } from '../lib/line'
import { t } from '../lib/words'

const kinds = ['cpu', 'memory'] as const
const lines = new Map<string, Line[]>() // of each uid, as `kinds`
const known = new WeakSet<Element>()
const seen = new Set<HTMLElement>()
const due = new Set<HTMLElement>()
let frame = 0
let observer: IntersectionObserver | undefined

export function wakeSparks() {
  if (!observer) {
    observer = new IntersectionObserver(turned, { rootMargin: '200px 0px' })
    document.body.addEventListener('glances', (event) => heard((event as CustomEvent<Glances>).detail))
    document.addEventListener('visibilitychange', draw)
  }
  for (const spark of seen) if (!spark.isConnected) forget(spark)
  for (const spark of document.querySelectorAll<HTMLElement>('.spark')) {
    if (known.has(spark)) continue
    known.add(spark)
    observer.observe(spark)
  }
  // Morphing may have made a row into that of another machine.
  meet([...seen].filter((spark) => !spark.dataset.feed))
}

function forget(spark: HTMLElement) {
  seen.delete(spark)
  due.delete(spark)
  observer?.unobserve(spark)
}

function turned(entries: IntersectionObserverEntry[]) {
  const those = (inside: boolean) =>
    entries.filter((entry) => entry.isIntersecting === inside).map((entry) => entry.target as HTMLElement)
  for (const spark of those(false)) seen.delete(spark)
  meet(those(true))
}

/** They are on the screen: what is known of them is drawn, and told from now on. */
function meet(sparks: HTMLElement[]) {
  const fresh = sparks.filter((spark) => !spark.dataset.feed)
  for (const spark of fresh) spark.dataset.feed = `glance/${spark.dataset.uid}`
  for (const spark of sparks) {
    seen.add(spark)
    due.add(spark)
  }
  if (fresh.length) document.body.dispatchEvent(new CustomEvent('feed-subscribe'))
  draw()
}

function heard({ at, step, lines: told }: Glances) {
  for (const [uid, figures] of Object.entries(told)) {
    const before = lines.get(uid)
    lines.set(
      uid,
      figures.map((values, kind) => joined(before?.[kind], at, step, values)),
    )
  }
  for (const spark of seen) {
    if (!spark.isConnected) forget(spark)
    else if ((spark.dataset.uid ?? '') in told) due.add(spark)
  }
  draw()
}

/** At most once a frame, however many came. */
function draw() {
  if (frame || document.hidden || !due.size) return
  frame = requestAnimationFrame(() => {
    frame = 0
    for (const spark of due) if (spark.isConnected) show(spark)
    due.clear()
  })
}

function show(spark: HTMLElement) {
  const line = lines.get(spark.dataset.uid ?? '')?.[kinds.indexOf(spark.dataset.spark as 'cpu')]
  if (!line) return
  const [area, stroke] = [...(spark.querySelector('svg') ?? drawing(spark)).children]
  const drawn = paths(line)
  area?.setAttribute('d', drawn.area)
  stroke?.setAttribute('d', drawn.stroke)
  const [current, highest] = [now(line), most(line)]
  spark.lastElementChild!.textContent = current == null ? '–' : `${current} %`
  spark.title = highest == null ? '' : t('Highest in ten minutes: %s', `${highest} %`)
}

const svg = (name: string) => document.createElementNS('http://www.w3.org/2000/svg', name)

/** The figure stands beside it in words; the line is for the eye alone. */
function drawing(spark: HTMLElement): Element {
  const made = svg('svg')
  made.setAttribute('viewBox', `0 0 ${width} ${height}`)
  made.setAttribute('preserveAspectRatio', 'none')
  made.setAttribute('aria-hidden', 'true')
  made.append(svg('path'), svg('path'))
  spark.replaceChildren(made, document.createElement('b'))
  return made
}
