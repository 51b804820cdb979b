/** Text as keystrokes: which physical key, with or without Shift, makes this character on the guest's keyboard. */

export type Stroke = { code: string; keysym: number; shift: boolean }
export type Layout = 'us' | 'jp'

const shiftedDigits: Record<Layout, string> = { us: ')!@#$%^&*(', jp: '\0!"#$%&\'()' }
const rows: Record<Layout, [string, string, string][]> = {
  us: [
    ['Minus', '-', '_'], ['Equal', '=', '+'], ['BracketLeft', '[', '{'], ['BracketRight', ']', '}'],
    ['Backslash', '\\', '|'], ['Semicolon', ';', ':'], ['Quote', "'", '"'], ['Backquote', '`', '~'],
    ['Comma', ',', '<'], ['Period', '.', '>'], ['Slash', '/', '?'],
  ],
  jp: [
    ['Minus', '-', '='], ['Equal', '^', '~'], ['BracketLeft', '@', '`'], ['BracketRight', '[', '{'],
    ['Backslash', ']', '}'], ['Semicolon', ';', '+'], ['Quote', ':', '*'], ['Comma', ',', '<'], ['Period', '.', '>'],
    ['Slash', '/', '?'], ['IntlRo', '\\', '_'], ['IntlYen', '\0', '|'],
  ],
} // prettier-ignore

const named: Record<string, [string, number]> = {
  ' ': ['Space', 0x20],
  '\n': ['Enter', 0xff0d],
  '\t': ['Tab', 0xff09],
}

function table(layout: Layout): Map<string, Stroke> {
  const strokes = new Map<string, Stroke>()
  const put = (character: string, code: string, shift: boolean, keysym = character.charCodeAt(0)) => {
    if (character !== '\0') strokes.set(character, { code, keysym, shift })
  }
  for (const letter of 'abcdefghijklmnopqrstuvwxyz') {
    put(letter, `Key${letter.toUpperCase()}`, false)
    put(letter.toUpperCase(), `Key${letter.toUpperCase()}`, true)
  }
  for (let digit = 0; digit < 10; digit += 1) {
    put(String(digit), `Digit${digit}`, false)
    put(shiftedDigits[layout].charAt(digit), `Digit${digit}`, true)
  }
  for (const [code, plain, shifted] of rows[layout]) {
    put(plain, code, false)
    put(shifted, code, true)
  }
  for (const [character, [code, keysym]] of Object.entries(named)) put(character, code, false, keysym)
  return strokes
}

const tables: Partial<Record<Layout, Map<string, Stroke>>> = {}

/** The strokes for a text, and each character that this keyboard doesn't have, once. */
export function strokes(text: string, layout: Layout): { strokes: Stroke[]; impossible: string[] } {
  const known = (tables[layout] ??= table(layout))
  const found: Stroke[] = []
  const impossible = new Set<string>()
  for (const character of text.replace(/\r\n?/g, '\n')) {
    const stroke = known.get(character)
    if (stroke) found.push(stroke)
    else impossible.add(character)
  }
  return { strokes: found, impossible: [...impossible] }
}

/** Keysyms of keys that menus name, by their code. */
export const keysyms: Record<string, number> = {
  ControlLeft: 0xffe3,
  AltLeft: 0xffe9,
  ShiftLeft: 0xffe1,
  MetaLeft: 0xffeb,
  Delete: 0xffff,
  Backspace: 0xff08,
  Tab: 0xff09,
  Escape: 0xff1b,
  PrintScreen: 0xff61,
  ...Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`F${at + 1}`, 0xffbe + at])),
}
