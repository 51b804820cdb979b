/** What every terminal of ours has in common: how it looks, and that the guest stays in its box. */
import type { ITerminalOptions, Terminal } from '@xterm/xterm'

export const appearance: ITerminalOptions = {
  fontFamily: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace',
  fontSize: 13,
  lineHeight: 1.2,
  allowProposedApi: false,
  convertEol: false,
  theme: {
    background: '#11131a',
    foreground: '#d9dce6',
    cursor: '#8fa8ff',
    cursorAccent: '#11131a',
    selectionBackground: '#3b4a78',
  },
}

/** Hyperlinks, clipboard, window title and operating-system commands are the guest's way out of its box. */
export function confine(terminal: Terminal) {
  for (const command of [0, 1, 2, 4, 7, 8, 9, 10, 11, 12, 52, 104, 777, 1337])
    terminal.parser.registerOscHandler(command, () => true)
  terminal.parser.registerDcsHandler({ final: 'q' }, () => true)
  terminal.parser.registerCsiHandler({ final: 't' }, () => true) // window reports and resizing
}
