import { expect, it, vi } from 'vitest'
import { tell } from './telling'

// htmx itself needs a browser; with it this is tried by tests/e2e/test_a_first_day.py.
it('what came while somebody took nothing is told again, until they take it', async () => {
  document.body.innerHTML = '<p hx-trigger="vm-u from:body throttle:300ms, feed-refresh from:body"></p>'
  const known: { throttle?: unknown } = {}
  Object.assign(document.querySelector('p')!, { 'htmx-internal-data': known })
  const heard: string[] = []
  for (const name of ['vm-u', 'vm-other']) document.body.addEventListener(name, () => heard.push(name))
  tell('vm-u')
  expect(heard).toEqual(['vm-u'])
  known.throttle = 1
  tell('vm-u')
  tell('vm-other')
  expect(heard).toEqual(['vm-u', 'vm-u', 'vm-other'])
  await vi.waitFor(() => expect(heard.length).toBeGreaterThan(3), { timeout: 5000 })
  known.throttle = null
  const before = heard.length
  await vi.waitFor(() => expect(heard.length).toBe(before + 1), { timeout: 5000 })
  expect(heard.filter((name) => name === 'vm-other')).toEqual(['vm-other'])
})
