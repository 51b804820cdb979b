/** Numbers and times as people read them. No DOM in here. */

const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

export function bytes(value: number): string {
  let step = 0
  while (Math.abs(value) >= 1024 && step < steps.length - 1) {
    value /= 1024
    step += 1
  }
  const digits = step === 0 || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return `${trim(value.toFixed(digits))} ${steps[step]}`
}

const trim = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)

export function amount(value: number, unit: string): string {
  if (unit === 'bytes') return bytes(value)
  if (unit === 'bytes/s') return `${bytes(value)}/s`
  if (unit === 'percent') return `${trim(value.toFixed(value < 10 ? 1 : 0))} %`
  if (unit === 'seconds') return value < 1 ? `${trim((value * 1000).toFixed(1))} ms` : `${trim(value.toFixed(2))} s`
  const short = value >= 10_000 ? `${trim((value / 1000).toFixed(1))} k` : trim(value.toFixed(value < 10 ? 2 : 0))
  return unit ? `${short}${unit.startsWith('/') ? '' : ' '}${unit}` : short
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** "3 minutes ago"; below a minute "now", so that nothing on a page ticks every second. */
export function ago(then: Date, now: Date, language: string): string {
  const seconds = (then.getTime() - now.getTime()) / 1000
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit)
  }
  return format.format(0, 'second')
}

export function clock(date: Date, language: string, timeZone?: string): string {
  return date.toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit', timeZone })
}

/** A moment on an axis: to the second, with the day. */
export function moment(seconds: number, language: string, timeZone?: string): string {
  const options = { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' } as const
  return new Date(seconds * 1000).toLocaleString(language, { ...options, timeZone })
}

/** A place in something that is played: 1:05. */
export function played(seconds: number): string {
  const whole = Math.floor(seconds)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}
