/** How every terminal of ours looks. */
import type { ITerminalOptions } from '@xterm/xterm'

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
