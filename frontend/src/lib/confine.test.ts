import { Terminal } from '@xterm/xterm'
import { describe, expect, it } from 'vitest'
import { confine } from './confine'

/** A terminal without a page, and what it would send back to the guest. */
function box(mayAnswer = false) {
  const terminal = new Terminal({ cols: 80, rows: 24, allowProposedApi: true })
  confine(terminal, () => mayAnswer)
  const answers: string[] = []
  const titles: string[] = []
  terminal.onData((text) => answers.push(text))
  terminal.onTitleChange((title) => titles.push(title))
  const print = (text: string) => new Promise<void>((done) => terminal.write(text, done))
  const line = (at: number) => terminal.buffer.active.getLine(at)?.translateToString(true) ?? ''
  return { terminal, answers, titles, print, line }
}

describe('what a guest prints', () => {
  it.each([
    ['device attributes', '\x1b[c\x1b[>c\x1b[=c\x1b[0c'],
    ['status and cursor', '\x1b[5n\x1b[6n\x1b[?6n\x1b[?15n'],
    ['modes', '\x1b[?2004$p\x1b[4$p'],
    ['version', '\x1b[>q\x1b[>0q'],
    ['settings', '\x1bP$qm\x1b\\\x1bP+q544e\x1b\\'],
    ['colours', '\x1b]4;1;?\x07\x1b]10;?\x07\x1b]11;?\x1b\\\x1b]12;?\x07'],
    ['window', '\x1b[18t\x1b[14t\x1b[21t\x1b[20t'],
    ['clipboard', '\x1b]52;c;?\x07\x1b]52;c;cm0gLXJmIC8=\x07'],
    ['keyboard protocol', '\x1b[?u\x1b[?1u'],
    ['enquiry', '\x05\x1bZ'],
  ])('is not answered: %s', async (_name, text) => {
    const { answers, print, line } = box()
    await print(text + 'still here')
    expect(answers).toEqual([])
    expect(line(0)).toContain('still here')
  })

  it('may be told where the cursor is by somebody who is alone with it', async () => {
    const { answers, print } = box(true)
    await print('ab\x1b[6n\x1b[5n')
    expect(answers).toEqual(['\x1b[1;3R'])
  })

  it('names no window, makes no links and resizes nothing', async () => {
    const { terminal, titles, print, line } = box()
    await print(
      '\x1b]0;root@bank\x07\x1b]2;x\x1b\\\x1b]8;;https://evil.example\x07here\x1b]8;;\x07\x1b[8;500;500t\x1b[3;0;0t',
    )
    expect(titles).toEqual([])
    expect([terminal.cols, terminal.rows]).toEqual([80, 24])
    expect(line(0)).toBe('here')
  })

  const huge: [string, string][] = [...'@LMPSTXIZbABCDEFGHd'].map((final) => [final, `x\x1b[2147483647${final}`])
  it.each([
    ...huge,
    ['columns', '\x1b[2147483647 @\x1b[2147483647 A'],
    ['a region', '\x1b[1;9999999r'],
    ['many numbers', '\x1b[' + '9;'.repeat(5000) + 'm'],
    ['a long title', '\x1b]2;' + 'x'.repeat(100_000) + '\x07'],
  ])('keeps the page responsive: %s', async (_name, text) => {
    const { print } = box()
    const begun = performance.now()
    await print(text)
    expect(performance.now() - begun).toBeLessThan(4000)
  })

  it('still scrolls, inserts and repeats as a terminal does', async () => {
    const { print, line } = box()
    await print('one\r\ntwo\x1b[1L!\x1b[3b')
    expect(line(1).trim()).toBe('!!!!')
    expect(line(2)).toBe('two')
  })
})
