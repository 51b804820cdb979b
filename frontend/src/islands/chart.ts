/** One chart of one machine: history from the API, live points from the feed, one cursor shared by all on the page.
 *
 * `<vm-chart data-uid data-metric="cpu" data-range="10m">`. For those who cannot see it the page has a table beside it.
 */
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { Point } from '../lib/feed'
import { amount } from '../lib/format'
import { ask, Problem } from '../lib/http'
import { grow, last, type Columns } from '../lib/series'
import { t } from '../lib/words'
import type { Island } from '../page/islands'

type Answer = {
  unit: string
  from: number
  to: number
  step: number
  source: 'collector' | 'prometheus'
  times: number[]
  series: { key: string; name: string; values: (number | null)[] }[]
  marks: { at: number; text: string }[]
  note: string
}

const height = 150
const doubling = Array.from({ length: 44 }, (_, at) => 2 ** at) // steps of an axis in bytes
const longestStep = 35 // seconds between two looks that are still one line; the slow cadence is ten
const colours = ['--chart-1', '--chart-2', '--chart-3']

/** A value between two gaps makes no line: it is drawn as a dot, or nobody would see it. */
const lonely = (plot: uPlot, line: number) => {
  const values = plot.data[line] ?? []
  return [...values.keys()].filter((at) => values[at] != null && values[at - 1] == null && values[at + 1] == null)
}

const chart: Island = (element) => {
  const { uid, metric } = element.dataset
  const now = part(element, 'chart-now')
  const stage = part(element, 'chart-stage')
  const note = part(element, 'chart-note')
  const off = new AbortController()
  const language = document.documentElement.lang
  let answer: Answer | undefined
  let columns: Columns = [[]]
  let plot: uPlot | undefined
  let early: Point[] = []

  /** A canvas doesn't know light-dark(): let an element work the colour out. */
  const colour = (name: string) => {
    now.style.color = `var(${name})`
    const said = getComputedStyle(now).color
    now.style.color = ''
    return said
  }
  const width = () => Math.max(160, stage.clientWidth)

  const axis = (): Partial<uPlot.Axis> => ({
    stroke: colour('--chart-ink'),
    grid: { stroke: colour('--chart-grid'), width: 1 },
    ticks: { show: false },
    font: '11px "Inter Variable", sans-serif',
  })

  /** The whole range, up to the newest point, so that a young line starts where it belongs. */
  function span(): [number, number] {
    const [begin, end] = [answer?.from ?? 0, answer?.to ?? 1]
    const newest = Math.max(columns[0].at(-1) ?? 0, end)
    return [newest - (end - begin), newest]
  }

  function build() {
    if (!answer) return
    plot?.destroy()
    const unit = answer.unit
    plot = new uPlot(
      {
        width: width(),
        height,
        padding: [8, 4, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: 'machine' }, drag: { x: false, y: false }, points: { size: 6 } },
        scales: {
          x: { time: true, range: () => span() },
          y: {
            range: (_plot, _least, most) => [
              0,
              unit === 'percent' ? Math.max(100, most || 0) : most > 0 ? most * 1.15 : 1,
            ],
          },
        },
        axes: [
          {
            ...axis(),
            size: 24,
            space: 84,
            values: (_plot, ticks) =>
              ticks.map((tick) => label(tick, (answer?.to ?? 0) - (answer?.from ?? 0), language)),
          },
          {
            ...axis(),
            size: 66,
            space: 34,
            ...(unit.startsWith('bytes') ? { incrs: doubling } : {}),
            values: (_plot, ticks) => ticks.map((tick) => amount(tick, unit)),
          },
        ],
        series: [
          {},
          ...answer.series.map(({ name }, index) => ({
            label: name,
            stroke: colour(colours[index % colours.length]!),
            ...(index === 0 ? { fill: colour('--chart-fill') } : {}),
            width: 1.75,
            spanGaps: false,
            points: { show: true, filter: lonely, size: 4 },
          })),
        ],
        hooks: { setCursor: [cursor], draw: [marks] },
      },
      columns,
      stage,
    )
  }

  function marks(chart: uPlot) {
    const { ctx, bbox } = chart
    ctx.save()
    ctx.strokeStyle = colour('--chart-mark')
    ctx.setLineDash([4, 4])
    for (const mark of answer?.marks ?? []) {
      const x = Math.round(chart.valToPos(mark.at, 'x', true))
      if (x < bbox.left || x > bbox.left + bbox.width) continue
      ctx.beginPath()
      ctx.moveTo(x, bbox.top)
      ctx.lineTo(x, bbox.top + bbox.height)
      ctx.stroke()
    }
    ctx.restore()
  }

  function cursor(chart: uPlot) {
    const at = chart.cursor.idx
    legend(at == null ? undefined : at)
  }

  function legend(at?: number) {
    if (!answer) return
    const unit = answer.unit
    now.replaceChildren(
      ...answer.series.map((series, index) => {
        const value = at === undefined ? last(columns[index + 1]) : columns[index + 1]?.[at]
        const item = document.createElement('span')
        item.className = `chart-key chart-key-${index + 1}`
        const figure = document.createElement('b')
        figure.textContent = value == null ? '–' : amount(value, unit)
        item.append(answer && answer.series.length > 1 ? `${series.name} ` : '', figure)
        return item
      }),
    )
  }

  const tell = (text: string) => {
    note.textContent = text
    note.hidden = !text
  }

  async function load() {
    const url = `/api/v1/metrics/range?uid=${uid}&metric=${metric}&range=${element.dataset.range}`
    try {
      answer = (await (await ask(url, { signal: off.signal })).json()) as Answer
    } catch (error) {
      if (off.signal.aborted) return
      tell(error instanceof Problem ? error.message : t('The chart cannot be drawn.'))
      return
    }
    columns = [answer.times, ...answer.series.map((series) => series.values)]
    tell(answer.note || (answer.times.length ? '' : t('No figures yet. They appear while the machine runs.')))
    build()
    add(early)
    early = []
    legend()
  }

  function add(points: Point[]) {
    if (!answer) {
      early.push(...points)
      return
    }
    if (answer.source !== 'collector' || !points.length) return
    const keys = answer.series.map((series) => series.key)
    columns = grow(columns, points, keys, { keep: answer.to - answer.from, gap: longestStep })
    if (document.hidden) return
    tell(answer.note)
    plot?.setData(columns)
    if (plot?.cursor.idx == null) legend()
  }

  const heard = (event: Event) => add((event as CustomEvent<Point[]>).detail)
  document.body.addEventListener(`samples:${uid}`, heard, { signal: off.signal })
  document.body.addEventListener('theme', () => window.setTimeout(build), { signal: off.signal })
  document.addEventListener('visibilitychange', () => plot?.setData(columns as uPlot.AlignedData), {
    signal: off.signal,
  })
  const dark = window.matchMedia('(prefers-color-scheme: dark)')
  dark.addEventListener('change', build, { signal: off.signal })
  const resized = new ResizeObserver(() => plot?.setSize({ width: width(), height }))
  resized.observe(stage)
  element.dataset.feed = `samples/${uid}`
  document.body.dispatchEvent(new CustomEvent('feed-subscribe'))
  void load()

  return () => {
    off.abort()
    resized.disconnect()
    plot?.destroy()
    element.replaceChildren()
  }
}

function part(element: HTMLElement, name: string): HTMLElement {
  const made = document.createElement('div')
  made.className = name
  element.append(made)
  return made
}

function label(seconds: number, span: number, language: string): string {
  const at = new Date(seconds * 1000)
  if (span <= 2 * 86_400) return at.toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' })
  return at.toLocaleDateString(language, { month: 'short', day: 'numeric' })
}

export default chart
