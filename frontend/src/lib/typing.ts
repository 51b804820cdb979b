/** Text as keystrokes: which physical keys make this character on the guest's keyboard. */
import { keyboards, type Layout } from './keyboards'

export type Stroke = { code: string; keysym: number; shift: boolean; altGr: boolean }

const named: Record<string, [string, number]> = {
  ' ': ['Space', 0x20],
  '\n': ['Enter', 0xff0d],
  '\t': ['Tab', 0xff09],
}

function table(layout: Layout): Map<string, Stroke[]> {
  const found = new Map<string, Stroke[]>()
  const { rows, dead = [] } = keyboards[layout]
  const put = (character: string, code: string, shift: boolean, altGr = false) => {
    // The plainest way to a character wins; an empty place on the keyboard makes none.
    if (character && character !== '\0' && !found.has(character))
      found.set(character, [{ code, keysym: keysymOf(character), shift, altGr }])
  }
  for (const [code, plain] of rows) put(plain, code, false)
  for (const [code, , shifted] of rows) put(shifted, code, true)
  for (const [code, , , altGr = ''] of rows) put(altGr, code, false, true)
  for (const [character, [code, keysym]] of Object.entries(named))
    found.set(character, [{ code, keysym, shift: false, altGr: false }])
  for (const { code, shift, alone, made } of dead) {
    const accent: Stroke = { code, keysym: 0, shift, altGr: false }
    const after = { ...made, ...(alone ? { ' ': alone } : {}) }
    for (const [letter, character] of Object.entries(after))
      if (!found.has(character)) found.set(character, [accent, ...found.get(letter)!])
  }
  return found
}

/** Latin-1 is its own keysym; the rest of Unicode has a block of its own. */
const keysymOf = (character: string) => {
  const code = character.codePointAt(0)!
  return code < 0x100 ? code : 0x01000000 + code
}

const tables: Partial<Record<Layout, Map<string, Stroke[]>>> = {}

/** The strokes for a text, and each character that this keyboard doesn't have, once. */
export function strokes(text: string, layout: Layout): { strokes: Stroke[]; impossible: string[] } {
  const known = (tables[layout] ??= table(layout))
  const found: Stroke[] = []
  const impossible = new Set<string>()
  for (const character of text.normalize('NFC').replace(/\r\n?/g, '\n')) {
    const made = known.get(character)
    if (made) found.push(...made)
    else impossible.add(character)
  }
  return { strokes: found, impossible: [...impossible] }
}

/** Keysyms of keys that menus name, by their code. */
export const keysyms: Record<string, number> = {
  ControlLeft: 0xffe3,
  AltLeft: 0xffe9,
  AltRight: 0xfe03,
  ShiftLeft: 0xffe1,
  MetaLeft: 0xffeb,
  Delete: 0xffff,
  Backspace: 0xff08,
  Tab: 0xff09,
  Escape: 0xff1b,
  PrintScreen: 0xff61,
  ...Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`F${at + 1}`, 0xffbe + at])),
}

/** Presses or lets go of a key; false when there is nothing to press it on. */
export type Press = (keysym: number, code: string, down: boolean) => boolean

/** Type strokes one after another, slowly enough for firmware. The answer stops it; `told` hears how far it is. */
export function play(
  list: Stroke[],
  press: Press,
  told: (done: number, ended: boolean) => void,
  every: number,
): () => void {
  let at = 0
  const end = () => {
    window.clearInterval(timer)
    told(at, true)
  }
  const timer = window.setInterval(() => {
    const stroke = list[at]
    if (!stroke || !strike(stroke, press)) return end()
    at += 1
    if (at === list.length) end()
    else told(at, false)
  }, every)
  return end
}

function strike({ code, keysym, shift, altGr }: Stroke, press: Press): boolean {
  const held = [...(shift ? ['ShiftLeft'] : []), ...(altGr ? ['AltRight'] : [])]
  for (const key of held) if (!press(keysyms[key]!, key, true)) return false
  const there = press(keysym, code, true) && press(keysym, code, false)
  for (const key of held.toReversed()) press(keysyms[key]!, key, false)
  return there
}
