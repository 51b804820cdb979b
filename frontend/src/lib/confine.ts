/** Keeps what a guest prints inside its terminal.
 *
 * Whatever reaches out is switched off: title, clipboard, links, colours of the page, window reports. So are questions,
 * as their answers would be typed into the guest: by everybody who watches, and again whenever the past is replayed. And
 * counts that would keep the page busy for minutes.
 */
import type { IFunctionIdentifier, Terminal } from '@xterm/xterm'

const systemCommands = [0, 1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 17, 19, 50, 52, 99, 104, 110, 111, 112, 133, 633, 777, 1337]
const questions: IFunctionIdentifier[] = [
  { final: 'c' }, // what are you?
  { prefix: '>', final: 'c' },
  { prefix: '=', final: 'c' },
  { prefix: '?', final: 'n' }, // how are you?
  { prefix: '>', final: 'q' }, // which version are you?
  { intermediates: '$', final: 'p' }, // which modes are on?
  { prefix: '?', intermediates: '$', final: 'p' },
  { prefix: '?', final: 'u' }, // which keyboard protocol?
  { final: 't' }, // how large is your window? Also moves and resizes it.
]
const counted: IFunctionIdentifier[] = [
  ...[...'@LMPSTXIZb^`ade'].map((final) => ({ final })),
  { intermediates: ' ', final: '@' },
  { intermediates: ' ', final: 'A' },
  { intermediates: "'", final: '}' },
  { intermediates: "'", final: '~' },
]
const most = 4096 // more than any screen has lines or columns
const whereIsTheCursor = 6

/** `mayAnswer`: whether the guest may be told where the cursor is, which is how programs learn the screen's size. */
export function confine(terminal: Terminal, mayAnswer: () => boolean) {
  const { parser } = terminal
  for (const command of systemCommands) parser.registerOscHandler(command, () => true)
  for (const question of questions) parser.registerCsiHandler(question, () => true)
  parser.registerCsiHandler({ final: 'n' }, ([what]) => what !== whereIsTheCursor || !mayAnswer())
  for (const one of counted)
    parser.registerCsiHandler(one, (counts) => counts.some((count) => typeof count !== 'number' || count > most))
  for (const intermediates of ['', '$', '+'])
    parser.registerDcsHandler({ ...(intermediates ? { intermediates } : {}), final: 'q' }, () => true)
}
