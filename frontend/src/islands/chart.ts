/** One chart: history from the API, live points from the feed, on the page's one time axis and with its one cursor.
 *
 * `<vm-chart data-uid data-metric="cpu" data-range="10m">` draws the lines of one machine,
 * `<vm-chart data-uids="a b" data-line="cpu" data-range="10m">` the same line of several.
 * For those who cannot see it the page has a table beside it.
 */
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import * as axis from '../lib/axis'
import type { Point } from '../lib/feed'
import { amount, moment } from '../lib/format'
import { ask, Problem } from '../lib/http'
import { height, meant, options, type Mark } from '../lib/plot'
import { extent, grow, growOne, last, type Columns } from '../lib/series'
import { t } from '../lib/words'
import { zone } from '../lib/zone'
import type { Island } from '../page/islands'

type Answer = {
  unit: string
  from: number
  to: number
  step: number
  live: boolean
  source: 'collector' | 'prometheus'
  times: number[]
  series: { key: string; name: string; values: (number | null)[] }[]
  marks: Mark[]
  note: string
}

const longestStep = 35 // seconds between two looks that are still one line; the slow cadence is ten
const againAfter = 60_000 // charts from Prometheus do not go on by themselves
const dashed = ['memory_domain'] // a bound, not a measurement

const chart: Island = (element) => {
  const { uid, uids, metric, line } = element.dataset
  const machines = (uids ?? uid ?? '').split(' ').filter(Boolean)
  const now = part(element, 'chart-now')
  const stage = part(element, 'chart-stage')
  const empty = part(stage, 'chart-empty')
  const tip = part(stage, 'chart-tip')
  const note = part(element, 'chart-note')
  const off = new AbortController()
  const language = document.documentElement.lang
  let answer: Answer | undefined
  let columns: Columns = [[]]
  let plot: uPlot | undefined
  const early: [string, Point[]][] = []
  let asking: AbortController | undefined

  /** A canvas doesn't know light-dark(): let an element work the colour out. */
  const colours = new Map<string, string>()
  const colour = (name: string) => {
    if (!colours.has(name)) {
      now.style.color = `var(${name})`
      colours.set(name, getComputedStyle(now).color)
      now.style.color = ''
    }
    return colours.get(name)!
  }
  const width = () => Math.max(160, stage.clientWidth)

  /** The whole window; of a live one up to the newest point on the page, so that all charts move together. */
  function span(): [number, number] {
    const [begin, end] = [answer?.from ?? 0, answer?.to ?? 1]
    if (!answer?.live) return [begin, end]
    const newest = Math.max(axis.newestSeen(), end)
    return [newest - (end - begin), newest]
  }

  function build() {
    if (!answer) return
    colours.clear()
    plot?.destroy()
    const drawn = {
      unit: answer.unit,
      names: answer.series.map((series) => series.name),
      dashed: answer.series.map((series) => dashed.includes(series.key)),
      filled: !uids,
      span,
      colour,
      language,
      marks: () => answer?.marks ?? [],
      cursor,
      ...(axis.head() ? { zoom: (from: number, to: number) => zoomTo(from, to) } : {}),
    }
    plot = new uPlot(options(drawn, width()), columns, stage)
  }

  function zoomTo(from: number, to: number) {
    const spare = Math.max(0, axis.leastSeconds - (to - from)) / 2
    axis.move({ from: from - spare, to: to + spare })
  }

  /** What the pointer means is told in words, and only on the chart that it is on. */
  function cursor(plot: uPlot) {
    const { idx, left, event } = plot.cursor
    const inside = idx != null && (left ?? -1) >= 0
    legend(inside ? idx : undefined)
    tip.hidden = !inside || !event
    if (!inside || !event) return
    const marks = meant(plot, answer?.marks ?? [])
    const lines = marks.map((mark) => `${moment(mark.at, language, zone())}  ${mark.text}`)
    tip.textContent = (lines.length ? lines : [moment(plot.data[0][idx] ?? 0, language, zone())]).join('\n')
    const over = plot.over.getBoundingClientRect().left - stage.getBoundingClientRect().left
    const room = stage.clientWidth - tip.offsetWidth
    tip.style.left = `${Math.max(0, Math.min(over + (left ?? 0) + 10, room))}px`
  }

  function legend(at?: number) {
    if (!answer) return
    const unit = answer.unit
    now.replaceChildren(
      ...answer.series.map((series, index) => {
        const values = columns[index + 1]
        const value = at === undefined ? (answer?.live ? last(values) : null) : values?.[at]
        const item = document.createElement('span')
        item.className = `chart-key chart-key-${index + 1}`
        const figure = document.createElement('b')
        figure.textContent = value == null ? '–' : amount(value, unit)
        figure.hidden = at === undefined && !answer?.live // of a time gone by nothing is "now"
        item.append(uids || (answer && answer.series.length > 1) ? `${series.name} ` : '', figure)
        const bounds = extent(values)
        if (bounds && !dashed.includes(series.key)) {
          const around = document.createElement('small')
          around.textContent = t('min %s · max %s', amount(bounds.least, unit), amount(bounds.most, unit))
          item.append(' ', around)
        }
        return item
      }),
    )
  }

  /** What holds for the whole page is said in its head, once. */
  function tell(text: string) {
    const here = axis.note(text) ? '' : text
    note.textContent = here
    note.hidden = !here
    const some = columns.slice(1).some((values) => values?.some((value) => value != null))
    empty.hidden = some
    empty.textContent = some
      ? ''
      : answer?.live
        ? t('No figures yet. They appear while the machine runs.')
        : t('No figures in this time.')
  }

  function url() {
    const asked = new URLSearchParams(uids ? { line: line ?? '' } : { uid: uid ?? '', metric: metric ?? '' })
    if (uids) for (const each of machines) asked.append('uid', each)
    asked.set('range', element.dataset.range ?? '10m')
    const zoom = axis.head() ? axis.zoom() : undefined
    if (zoom) for (const name of ['from', 'to'] as const) asked.set(name, zoom[name].toFixed(0))
    return `/api/v1/metrics/${uids ? 'compare' : 'range'}?${asked.toString()}`
  }

  async function load() {
    asking?.abort()
    const mine = (asking = new AbortController())
    element.setAttribute('aria-busy', 'true')
    try {
      const found = (await (await ask(url(), { signal: mine.signal })).json()) as Answer
      if (mine.signal.aborted) return
      answer = found
    } catch (error) {
      if (mine.signal.aborted || off.signal.aborted) return
      note.textContent = error instanceof Problem ? error.message : t('The chart cannot be drawn.')
      note.hidden = false
      return
    } finally {
      if (asking === mine) element.removeAttribute('aria-busy')
    }
    columns = [answer.times, ...answer.series.map((series) => series.values)]
    if (answer.live) axis.saw(answer.times.at(-1) ?? 0)
    tell(answer.note)
    build()
    for (const [whose, points] of early.splice(0)) add(whose, points)
    legend()
  }

  function add(whose: string, points: Point[]) {
    if (!answer) {
      early.push([whose, points])
      return
    }
    if (!answer.live || answer.source !== 'collector' || !points.length) return
    axis.saw(points.at(-1)!.at)
    const keep = answer.to - answer.from
    const keys = answer.series.map((series) => series.key)
    if (uids) {
      const values = points.map((point) => ({ at: point.at, value: point[line ?? ''] ?? null }))
      columns = growOne(columns, keys.indexOf(whose), values, { keep, step: answer.step })
    } else columns = grow(columns, points, keys, { keep, gap: longestStep })
    if (document.hidden) return
    tell(answer.note)
    plot?.setData(columns)
    if (plot?.cursor.idx == null) legend()
  }

  const { signal } = off
  for (const each of machines) {
    const heard = (event: Event) => add(each, (event as CustomEvent<Point[]>).detail)
    document.body.addEventListener(`samples:${each}`, heard, { signal })
  }
  const repaint = () => window.setTimeout(build)
  document.body.addEventListener('theme', repaint, { signal })
  document.addEventListener('visibilitychange', () => plot?.setData(columns as uPlot.AlignedData), { signal })
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint, { signal })
  const resized = new ResizeObserver(() => plot?.setSize({ width: width(), height }))
  resized.observe(stage)
  axis.bindHead()
  axis.hear(() => void load(), signal)
  if (axis.head()) stage.addEventListener('dblclick', () => axis.move(undefined), { signal })
  const again = window.setInterval(() => {
    const still = answer && (answer.source === 'prometheus' || !answer.times.length)
    if (answer?.live && still && !document.hidden) void load()
  }, againAfter)
  element.dataset.feed = machines.map((each) => `samples/${each}`).join(' ')
  document.body.dispatchEvent(new CustomEvent('feed-subscribe'))
  void load()

  return () => {
    off.abort()
    asking?.abort()
    window.clearInterval(again)
    resized.disconnect()
    plot?.destroy()
    element.replaceChildren()
  }
}

function part(element: HTMLElement, name: string): HTMLElement {
  const made = document.createElement('div')
  made.className = name
  made.hidden = name === 'chart-tip' || name === 'chart-empty' || name === 'chart-note'
  element.append(made)
  return made
}

export default chart
