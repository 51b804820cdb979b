import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

/** What the browser tells of who is on the screen. */
class Eye {
  static last: Eye
  watched = new Set<Element>()
  constructor(readonly tell: (entries: { target: Element; isIntersecting: boolean }[]) => void) {
    Eye.last = this
  }
  observe(element: Element) {
    this.watched.add(element)
  }
  unobserve(element: Element) {
    this.watched.delete(element)
  }
  sees(element: Element, isIntersecting = true) {
    this.tell([{ target: element, isIntersecting }])
  }
}

const row = (uid: string) => `<td><span class="spark" data-spark="cpu" data-uid="${uid}">–</span></td>`
const spark = (uid: string) => document.querySelector<HTMLElement>(`[data-uid=${uid}]`)!
const glance = (at: number, told: object) =>
  document.body.dispatchEvent(new CustomEvent('glances', { detail: { at, step: 10, lines: told } }))
let frames: FrameRequestCallback[] = []
const paint = () => frames.splice(0).forEach((frame) => frame(0))

beforeEach(async () => {
  vi.resetModules()
  frames = []
  vi.stubGlobal('IntersectionObserver', Eye)
  vi.stubGlobal('requestAnimationFrame', (frame: FrameRequestCallback) => frames.push(frame))
  document.body.innerHTML = `<table><tr>${row('u')}</tr><tr>${row('v')}</tr></table>`
  const { wakeSparks } = await import('./sparks')
  wakeSparks()
})
afterEach(() => vi.unstubAllGlobals())

describe('lines beside rows', () => {
  it('are asked for when they come on the screen, and drawn in one frame', () => {
    let asked = 0
    document.body.addEventListener('feed-subscribe', () => (asked += 1), { once: true })
    Eye.last.sees(spark('u'))
    expect([asked, spark('u').dataset.feed, spark('v').dataset.feed]).toEqual([1, 'glance/u', undefined])
    paint()
    glance(10, { u: [[12], [50]], v: [[3], [3]] })
    glance(20, { u: [[14], [51]] })
    expect(frames).toHaveLength(1)
    paint()
    expect(spark('u').textContent).toBe('14 %')
    expect(spark('u').querySelectorAll('path')[1]?.getAttribute('d')).toMatch(/^M59 .*L60 /)
    expect(spark('u').querySelector('svg')?.getAttribute('aria-hidden')).toBe('true')
    expect(spark('v').textContent).toBe('–')
  })

  it('know what was told while they were off the screen', () => {
    Eye.last.sees(spark('u'))
    Eye.last.sees(spark('u'), false)
    paint()
    glance(10, { u: [[12], [50]] })
    expect(frames).toHaveLength(0)
    Eye.last.sees(spark('u'))
    paint()
    expect(spark('u').textContent).toBe('12 %')
  })

  it('are asked for again when their row became that of another machine', async () => {
    Eye.last.sees(spark('u'))
    glance(10, { u: [[12], [50]] })
    paint()
    const row = spark('u')
    row.dataset.uid = 'w' // as morphing does: what only the page knew is gone
    delete row.dataset.feed
    row.textContent = '–'
    const { wakeSparks } = await import('./sparks')
    wakeSparks()
    expect(row.dataset.feed).toBe('glance/w')
    glance(20, { w: [[3], [4]] })
    paint()
    expect(row.textContent).toBe('3 %')
  })

  it('say that a machine stopped', () => {
    Eye.last.sees(spark('u'))
    glance(10, { u: [[12], [50]] })
    paint()
    glance(20, { u: [[null], [null]] })
    paint()
    expect(spark('u').textContent).toBe('–')
    expect(spark('u').title).toBe('Highest in ten minutes: 12 %')
  })
})
