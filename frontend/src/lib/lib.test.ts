import { describe, expect, it, vi } from 'vitest'
import { backoff } from './backoff'
import { names, wanted } from './feed'
import { ago, amount, bytes, played } from './format'
import { grow, last, type Columns } from './series'
import type { Layout } from './keyboards'
import { play, strokes } from './typing'

describe('format', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [4 * 2 ** 30, '4 GiB'],
    [20.25 * 2 ** 30, '20.3 GiB'],
  ])('says %d bytes as %s', (value, said) => expect(bytes(value)).toBe(said))

  it('keeps the unit of the chart', () => {
    expect(amount(12.34, 'percent')).toBe('12 %')
    expect(amount(0.0042, 'seconds')).toBe('4.2 ms')
    expect(amount(2048, 'bytes/s')).toBe('2 KiB/s')
    expect(amount(12_500, 'ops/s')).toBe('12.5 k ops/s')
  })

  it('knows how far something is played', () => {
    expect([0, 65.9, 3600].map(played)).toEqual(['0:00', '1:05', '60:00'])
  })

  it('tells times in words, and nothing below a minute', () => {
    const now = new Date('2026-11-22T12:00:00Z')
    expect(ago(new Date('2026-11-22T11:59:30Z'), now, 'en')).toBe('now')
    expect(ago(new Date('2026-11-22T11:57:00Z'), now, 'en')).toBe('3 minutes ago')
    expect(ago(new Date('2026-11-21T12:00:00Z'), now, 'en')).toBe('yesterday')
  })
})

describe('feed', () => {
  it('names a hint for the thing, its kind, and for lists only when something came or went', () => {
    const hint = { kind: 'VirtualMachine', uid: 'u', what: 'MODIFIED' }
    expect(names(hint)).toEqual(['vm-u', 'vm-changed'])
    expect(names({ ...hint, what: 'DELETED' })).toContain('vm-list')
    expect(names({ ...hint, kind: 'Operation' })).toEqual(['operation-u', 'operation-changed'])
  })

  it('subscribes to what the page shows, once, and always to operations', () => {
    document.body.innerHTML = '<i data-feed="VirtualMachine samples/u"></i><i data-feed="VirtualMachine"></i>'
    expect(wanted()).toEqual(['Operation', 'VirtualMachine', 'samples/u'])
  })
})

describe('series', () => {
  const keys = ['cpu']
  const options = { keep: 600, gap: 35 }

  it('adds newer points and forgets the oldest', () => {
    const start: Columns = [
      [100, 110],
      [1, 2],
    ]
    const grown = grow(
      start,
      [
        { at: 110, cpu: 9 },
        { at: 705, cpu: 3 },
      ],
      keys,
      { keep: 600, gap: 1000 },
    )
    expect(grown).toEqual([
      [110, 705],
      [2, 3],
    ])
  })

  it('draws a gap where nothing was heard, and never a nought', () => {
    const grown = grow(
      [[100], [1]],
      [
        { at: 200, cpu: null },
        { at: 210, cpu: 4 },
      ],
      keys,
      options,
    )
    expect(grown[0]).toEqual([100, 100.001, 200, 210])
    expect(grown[1]).toEqual([1, null, null, 4])
  })

  it('knows the latest value, unless it is old', () => {
    expect(last([1, 2, null])).toBe(2)
    expect(last([1, null, null, null])).toBeNull()
    expect(last(undefined)).toBeNull()
  })
})

describe('typing', () => {
  it('presses Shift for what stands above another character', () => {
    const { strokes: found } = strokes('aA1!', 'us')
    expect(found.map(({ code, shift }) => [code, shift])).toEqual([
      ['KeyA', false],
      ['KeyA', true],
      ['Digit1', false],
      ['Digit1', true],
    ])
  })

  it('knows where the Japanese keyboard has its signs', () => {
    expect(strokes('@', 'jp').strokes[0]).toMatchObject({ code: 'BracketLeft', shift: false })
    expect(strokes('@', 'us').strokes[0]).toMatchObject({ code: 'Digit2', shift: true })
    expect(strokes('_', 'jp').strokes[0]).toMatchObject({ code: 'IntlRo', shift: true })
  })

  it.each<[Layout, string, [string, boolean, boolean][]]>([
    [
      'uk',
      '"@#~\\',
      [
        ['Digit2', true, false],
        ['Quote', true, false],
        ['Backslash', false, false],
        ['Backslash', true, false],
        ['IntlBackslash', false, false],
      ],
    ],
    [
      'uk',
      '£€',
      [
        ['Digit3', true, false],
        ['Digit4', false, true],
      ],
    ],
    [
      'de',
      'zY/@',
      [
        ['KeyY', false, false],
        ['KeyZ', true, false],
        ['Digit7', true, false],
        ['KeyQ', false, true],
      ],
    ],
    [
      'de',
      '^é',
      [
        ['Backquote', false, false],
        ['Space', false, false],
        ['Equal', false, false],
        ['KeyE', false, false],
      ],
    ],
    [
      'de',
      '{\\|ß',
      [
        ['Digit7', false, true],
        ['Minus', false, true],
        ['IntlBackslash', false, true],
        ['Minus', false, false],
      ],
    ],
    [
      'fr',
      'aQ1m,',
      [
        ['KeyQ', false, false],
        ['KeyA', true, false],
        ['Digit1', true, false],
        ['Semicolon', false, false],
        ['KeyM', false, false],
      ],
    ],
    [
      'fr',
      '/@ê',
      [
        ['Period', true, false],
        ['Digit0', false, true],
        ['BracketLeft', false, false],
        ['KeyE', false, false],
      ],
    ],
    [
      'jp',
      '|\\',
      [
        ['IntlYen', true, false],
        ['IntlRo', false, false],
      ],
    ],
  ])('knows the %s keyboard: %s', (layout, text, keys) => {
    const { strokes: found, impossible } = strokes(text, layout)
    expect(found.map(({ code, shift, altGr }) => [code, shift, altGr])).toEqual(keys)
    expect(impossible).toEqual([])
  })

  it.each(['us', 'uk', 'de', 'fr', 'jp'] as const)(
    'types every printable ASCII character on the %s keyboard',
    (layout) => {
      const ascii = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('') + '\n\t'
      expect(strokes(ascii, layout).impossible).toEqual([])
    },
  )

  it('can be stopped, and stops when there is nobody to type to', () => {
    vi.useFakeTimers()
    const pressed: string[] = []
    const heard: [number, boolean][] = []
    const press = (_keysym: number, code: string, down: boolean) => {
      if (down) pressed.push(code)
      return pressed.length < 4
    }
    const stop = play(strokes('ab', 'us').strokes, press, (...now) => heard.push(now), 10)
    vi.advanceTimersByTime(10)
    stop()
    vi.advanceTimersByTime(100)
    expect([pressed, heard]).toEqual([
      ['KeyA'],
      [
        [1, false],
        [1, true],
      ],
    ])
    play(strokes('Abcd', 'us').strokes, press, (...now) => heard.push(now), 10)
    vi.advanceTimersByTime(100)
    expect(heard.at(-1)).toEqual([1, true])
    vi.useRealTimers()
  })

  it('names what cannot be typed, once', () => {
    const { strokes: found, impossible } = strokes('é日a日\r\n', 'us')
    expect(impossible).toEqual(['é', '日'])
    expect(found.map(({ code }) => code)).toEqual(['KeyA', 'Enter'])
  })
})

describe('backoff', () => {
  it('doubles, is capped, and never lets a thousand tabs knock at once', () => {
    expect(backoff(0, () => 0)).toBe(200)
    expect(backoff(1, () => 0)).toBe(400)
    expect(backoff(99, () => 1)).toBe(15_000)
    expect(backoff(3, () => 0)).not.toBe(backoff(3, () => 1))
  })
})
