/** How a chart is drawn: axes, lines, marks. The scale of a chart with nothing in it is empty, not one byte a second. */
import uPlot from 'uplot'
import { amount } from './format'
import { zone } from './zone'

export type Mark = { at: number; kind: string; text: string; level: string }
export type Drawn = {
  unit: string
  names: string[]
  dashed: boolean[]
  filled: boolean
  span: () => [number, number]
  colour: (name: string) => string
  language: string
  marks: () => Mark[]
  zoom?: (from: number, to: number) => void
  cursor: (plot: uPlot) => void
}

const doubling = Array.from({ length: 44 }, (_, at) => 2 ** at) // steps of an axis in bytes
/** The top of a scale is at least this, or idle machines would look busy. */
const least: Record<string, number> = {
  percent: 100,
  bytes: 2 ** 20,
  'bytes/s': 2 ** 12,
  'ops/s': 4,
  'packets/s': 1,
  seconds: 0.002,
}
const heightOfPlot = 150
const near = 7 // pixels between the pointer and a mark that it means
const dragged = 6 // pixels: less is a click

/** A value between two gaps makes no line: it is drawn as a dot, or nobody would see it. */
const lonely = (plot: uPlot, line: number) => {
  const values = plot.data[line] ?? []
  return [...values.keys()].filter((at) => values[at] != null && values[at - 1] == null && values[at + 1] == null)
}

const known = (plot: uPlot) => plot.data.slice(1).some((line) => (line as (number | null)[]).some((at) => at != null))

export function options(drawn: Drawn, width: number): uPlot.Options {
  const { unit, colour } = drawn
  const axis = (): Partial<uPlot.Axis> => ({
    stroke: colour('--chart-ink'),
    grid: { stroke: colour('--chart-grid'), width: 1 },
    ticks: { show: false },
    font: '11px "Inter Variable", sans-serif',
  })
  return {
    width,
    height: heightOfPlot,
    padding: [10, 22, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: 'machine', setSeries: false },
      drag: { x: Boolean(drawn.zoom), y: false, setScale: false },
      points: { size: 6 },
    },
    scales: {
      x: { time: true, range: () => drawn.span() },
      y: {
        range: (_plot, _least, most) => {
          const floor = least[unit] ?? 1
          return [0, unit === 'percent' ? Math.max(floor, most || 0) : Math.max(floor, (most || 0) * 1.15)]
        },
      },
    },
    axes: [
      { ...axis(), size: 24, space: 84, values: (_plot, ticks) => ticks.map((at) => tick(at, drawn)) },
      {
        ...axis(),
        size: 70,
        space: 34,
        ...(unit.startsWith('bytes') ? { incrs: doubling } : {}),
        values: (plot, ticks) => ticks.map((at) => (known(plot) ? amount(at, unit.replace(/^(ops|packets)/, '')) : '')),
      },
    ],
    series: [
      {},
      ...drawn.names.map((label, index) => ({
        label,
        stroke: colour(`--chart-${index + 1}`),
        ...(index === 0 && drawn.filled ? { fill: colour('--chart-fill') } : {}),
        ...(drawn.dashed[index] ? { dash: [5, 4] } : {}),
        width: 1.75,
        spanGaps: false,
        points: { show: true, filter: lonely, size: 4 },
      })),
    ],
    hooks: {
      setCursor: [drawn.cursor],
      draw: [(plot) => drawMarks(plot, drawn)],
      setSelect: [(plot) => selected(plot, drawn)],
    },
  }
}

/** Charts in step get the selection too; only the one under the pointer says what was meant. */
function selected(plot: uPlot, drawn: Drawn) {
  const { left, width } = plot.select
  if (!width) return
  const ours = Boolean(plot.cursor.event)
  const [from, to] = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')]
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
  if (ours && width >= dragged) drawn.zoom?.(from, to)
}

export const toneOf: Record<string, string> = { boot: '--ok', crash: '--bad', change: '--busy', stop: '--off' }

function drawMarks(plot: uPlot, drawn: Drawn) {
  const { ctx, bbox } = plot
  const size = 4 * devicePixelRatio
  ctx.save()
  for (const mark of drawn.marks()) {
    const x = Math.round(plot.valToPos(mark.at, 'x', true))
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    ctx.strokeStyle = ctx.fillStyle = drawn.colour(toneOf[mark.kind] ?? (mark.level === 'Warning' ? '--warn' : '--off'))
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio])
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
    ctx.beginPath()
    ctx.moveTo(x - size, bbox.top - size)
    ctx.lineTo(x + size, bbox.top - size)
    ctx.lineTo(x, bbox.top + size)
    ctx.fill()
  }
  ctx.restore()
}

/** The marks that the pointer means, newest last. */
export function meant(plot: uPlot, marks: Mark[]): Mark[] {
  const left = plot.cursor.left ?? -1
  if (left < 0) return []
  return marks.filter((mark) => Math.abs(plot.valToPos(mark.at, 'x') - left) <= near).slice(-4)
}

function tick(seconds: number, drawn: Drawn): string {
  const at = new Date(seconds * 1000)
  const [begin, end] = drawn.span()
  if (end - begin <= 300) return at.toLocaleTimeString(drawn.language, { timeZone: zone() })
  if (end - begin <= 1.5 * 86_400) {
    return at.toLocaleTimeString(drawn.language, { hour: '2-digit', minute: '2-digit', timeZone: zone() })
  }
  return at.toLocaleDateString(drawn.language, { month: 'short', day: 'numeric', timeZone: zone() })
}

export const height = heightOfPlot
