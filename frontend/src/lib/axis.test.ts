import { afterEach, describe, expect, it, vi } from 'vitest'
import { bindHead, hear, move, stepped, zoom, zoomOf } from './axis'
import { extent, growOne, type Columns } from './series'

afterEach(() => {
  document.body.innerHTML = ''
  history.replaceState(null, '', '/')
})

describe('the axis', () => {
  it('takes a piece of time from the URL, and no nonsense', () => {
    expect(zoomOf('?from=100&to=200')).toEqual({ from: 100, to: 200 })
    for (const wrong of ['', '?from=100', '?from=100&to=101', '?from=x&to=y', '?from=200&to=100']) {
      expect(zoomOf(wrong)).toBeUndefined()
    }
  })

  it('steps nearer, farther, earlier and later, but not into the future', () => {
    const window = { from: 1000, to: 1400 }
    expect(stepped(window, 'in', 9999)).toEqual({ from: 1100, to: 1300 })
    expect(stepped(window, 'out', 9999)).toEqual({ from: 800, to: 1600 })
    expect(stepped(window, 'earlier', 9999)).toEqual({ from: 800, to: 1200 })
    expect(stepped(window, 'later', 1500)).toEqual({ from: 1100, to: 1500 })
    expect(stepped({ from: 1000, to: 1024 }, 'in', 9999)).toEqual({ from: 1002, to: 1022 })
  })

  it('keeps what was chosen in the URL, in the fields for tables, and tells all charts', () => {
    history.replaceState(null, '', '/metrics?range=1h')
    document.documentElement.lang = 'en'
    document.body.innerHTML = `<div id="axis" data-length="3600"><span data-axis-said></span>
      <a href="?" data-axis="whole" data-axis-zoomed hidden>all</a>
      <input name="from" disabled><input name="to" disabled></div>
      <details open data-axis-table></details><details data-axis-table></details><a data-axis-link href="/slow">slow</a>`
    const [open, shut] = document.querySelectorAll('details')
    const [again, refetched, left] = [vi.fn(), vi.fn(), vi.fn()]
    open!.addEventListener('axis-moved', refetched)
    shut!.addEventListener('axis-moved', left)
    bindHead()
    hear(again, new AbortController().signal)
    move({ from: 1000.4, to: 1100.6 })
    expect(location.search).toBe('?range=1h&from=1000&to=1101')
    expect(document.querySelector<HTMLInputElement>('[name=from]')).toMatchObject({ value: '1000', disabled: false })
    expect(document.querySelector<HTMLAnchorElement>('a[data-axis-link]')!.search).toBe('?from=1000&to=1101')
    expect([again.mock.calls.length, refetched.mock.calls.length, left.mock.calls.length]).toEqual([1, 1, 0])
    move({ from: 1000.4, to: 1100.6 })
    expect(again).toHaveBeenCalledTimes(1)
    document.querySelector<HTMLElement>('[data-axis=whole]')!.click()
    expect([location.search, zoom()]).toEqual(['?range=1h', undefined])
    expect(document.querySelector<HTMLElement>('[data-axis-zoomed]')!.hidden).toBe(true)
  })
})

describe('several machines on one grid', () => {
  const options = { keep: 100, step: 10 }

  it('takes the newest of each step', () => {
    let columns: Columns = [[10], [1], [5]]
    columns = growOne(
      columns,
      0,
      [
        { at: 21, value: 2 },
        { at: 27, value: 3 },
      ],
      options,
    )
    columns = growOne(columns, 1, [{ at: 28, value: 6 }], options)
    expect(columns).toEqual([
      [10, 20],
      [1, 3],
      [5, 6],
    ])
  })

  it('puts a late machine into its place, and forgets what is too late or too old', () => {
    let columns: Columns = [
      [10, 30],
      [1, 3],
      [5, 7],
    ]
    columns = growOne(columns, 1, [{ at: 22, value: 6 }], options)
    expect(columns).toEqual([
      [10, 20, 30],
      [1, null, 3],
      [5, 6, 7],
    ])
    expect(growOne([[500], [1], [2]], 0, [{ at: 22, value: 6 }], options)[0]).toEqual([500])
    expect(growOne([[10], [1], [2]], 0, [{ at: 500, value: 6 }], options)).toEqual([[500], [6], [null]])
  })

  it('knows the least and the most of what is known', () => {
    expect(extent([null, 3, -1, null, 2])).toEqual({ least: -1, most: 3 })
    expect(extent([null])).toBeUndefined()
    expect(extent(undefined)).toBeUndefined()
  })
})
