/** Keyboards as the guest has them: which physical key makes which character.
 *
 * Written as rows of [key, plain, with Shift, with AltGr]; what a keyboard has in common with the American one is not
 * said again. Dead keys make their accent with the letter that follows.
 */

export type Layout = 'us' | 'uk' | 'de' | 'fr' | 'jp'
export type Row = [code: string, plain: string, shifted: string, altGr?: string]
export type Dead = { code: string; shift: boolean; alone: string; made: Record<string, string> }
export type Keyboard = { rows: Row[]; dead?: Dead[] }

const letters = (order: string): Row[] =>
  [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].map((key, at) => [`Key${key}`, order.charAt(at), order.charAt(at).toUpperCase()])
const digits = (plain: string, shifted: string, altGr = ''): Row[] =>
  [...'1234567890'].map((key, at) => [`Digit${key}`, plain.charAt(at), shifted.charAt(at), altGr.charAt(at).trim()])
const abc = 'abcdefghijklmnopqrstuvwxyz'
const circumflex = { a: 'â', e: 'ê', i: 'î', o: 'ô', u: 'û', A: 'Â', E: 'Ê', I: 'Î', O: 'Ô', U: 'Û' }
const diaeresis = { a: 'ä', e: 'ë', i: 'ï', o: 'ö', u: 'ü', A: 'Ä', E: 'Ë', I: 'Ï', O: 'Ö', U: 'Ü' }
const acute = { a: 'á', e: 'é', i: 'í', o: 'ó', u: 'ú', A: 'Á', E: 'É', I: 'Í', O: 'Ó', U: 'Ú' }
const grave = { a: 'à', e: 'è', i: 'ì', o: 'ò', u: 'ù', A: 'À', E: 'È', I: 'Ì', O: 'Ò', U: 'Ù' }

export const keyboards: Record<Layout, Keyboard> = {
  us: {
    rows: [
      ...letters(abc), ...digits('1234567890', '!@#$%^&*()'),
      ['Minus', '-', '_'], ['Equal', '=', '+'], ['BracketLeft', '[', '{'], ['BracketRight', ']', '}'],
      ['Backslash', '\\', '|'], ['Semicolon', ';', ':'], ['Quote', "'", '"'], ['Backquote', '`', '~'],
      ['Comma', ',', '<'], ['Period', '.', '>'], ['Slash', '/', '?'],
    ],
  },
  uk: {
    rows: [
      ...letters(abc), ...digits('1234567890', '!"£$%^&*()', '   €      '),
      ['Minus', '-', '_'], ['Equal', '=', '+'], ['BracketLeft', '[', '{'], ['BracketRight', ']', '}'],
      ['Backslash', '#', '~'], ['Semicolon', ';', ':'], ['Quote', "'", '@'], ['Backquote', '`', '¬', '¦'],
      ['Comma', ',', '<'], ['Period', '.', '>'], ['Slash', '/', '?'], ['IntlBackslash', '\\', '|'],
    ],
  },
  de: {
    rows: [
      ...letters('abcdefghijklmnopqrstuvwxzy'), ...digits('1234567890', '!"§$%&/()=', ' ²³   {[]}'),
      ['KeyQ', '', '', '@'], ['KeyE', '', '', '€'], ['KeyM', '', '', 'µ'],
      ['Minus', 'ß', '?', '\\'], ['BracketLeft', 'ü', 'Ü'], ['BracketRight', '+', '*', '~'],
      ['Semicolon', 'ö', 'Ö'], ['Quote', 'ä', 'Ä'], ['Backslash', '#', "'"], ['Backquote', '', '°'],
      ['Comma', ',', ';'], ['Period', '.', ':'], ['Slash', '-', '_'], ['IntlBackslash', '<', '>', '|'],
    ],
    dead: [
      { code: 'Backquote', shift: false, alone: '^', made: circumflex },
      { code: 'Equal', shift: false, alone: '´', made: acute },
      { code: 'Equal', shift: true, alone: '`', made: grave },
    ],
  },
  fr: {
    rows: [
      ...letters('qbcdefghijkl\0noparstuvzxyw'), ...digits('&é"\'(-è_çà', '1234567890', ' ~#{[|`\\^@'),
      ['KeyE', '', '', '€'], ['KeyM', ',', '?'], ['Semicolon', 'm', 'M'],
      ['Minus', ')', '°', ']'], ['Equal', '=', '+', '}'], ['BracketRight', '$', '£', '¤'], ['Quote', 'ù', '%'],
      ['Backslash', '*', 'µ'], ['Backquote', '²', ''], ['Comma', ';', '.'], ['Period', ':', '/'],
      ['Slash', '!', '§'], ['IntlBackslash', '<', '>'],
    ],
    dead: [
      { code: 'BracketLeft', shift: false, alone: '', made: circumflex },
      { code: 'BracketLeft', shift: true, alone: '¨', made: diaeresis },
    ],
  },
  jp: {
    rows: [
      ...letters(abc), ...digits('1234567890', '!"#$%&\'()'),
      ['Minus', '-', '='], ['Equal', '^', '~'], ['BracketLeft', '@', '`'], ['BracketRight', '[', '{'],
      ['Backslash', ']', '}'], ['Semicolon', ';', '+'], ['Quote', ':', '*'], ['Comma', ',', '<'],
      ['Period', '.', '>'], ['Slash', '/', '?'], ['IntlRo', '\\', '_'], ['IntlYen', '', '|'],
    ],
  },
} // prettier-ignore

export const isLayout = (name: unknown): name is Layout => typeof name === 'string' && name in keyboards

/** What a guest most likely has whose administrator reads this language. */
export function likely(language: string): Layout {
  if (language.startsWith('ja')) return 'jp'
  if (language.startsWith('de')) return 'de'
  if (language.startsWith('fr')) return 'fr'
  return /^en-(GB|IE)/.test(language) ? 'uk' : 'us'
}
