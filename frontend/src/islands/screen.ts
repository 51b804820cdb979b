/** A machine's screen: noVNC on our byte pipe.
 *
 * Reconnects by itself, with a new ticket, and keeps the last frame dimmed meanwhile. What the guest sends as its name
 * is text, its clipboard is not taken. The buttons are the server's; this only makes them work.
 */
import RFB from '@novnc/novnc'
import { openLine, type State } from '../lib/console'
import { keysyms, strokes, type Layout } from '../lib/typing'
import { t } from '../lib/words'
import type { Island } from '../page/islands'

const strokeEvery = 12 // ms between two keys: faster loses keys in firmware and boot loaders

const screen: Island = (element) => {
  const stage = element.querySelector<HTMLElement>('.screen-stage')!
  const said = element.querySelector<HTMLElement>('.screen-said')!
  const state = element.querySelector<HTMLElement>('.screen-state')!
  const buttons = new AbortController()
  let rfb: RFB | undefined
  let viewOnly = element.dataset.viewOnly === 'true'
  let fit = true
  let typing = 0

  const say = (now: State, why: string) => {
    element.dataset.state = now
    const words: Record<State, string> = {
      connecting: t('Connecting'),
      live: t('Live'),
      waiting: t('Waiting'),
      reconnecting: t('Reconnecting'),
      off: t('Off'),
      ended: t('Ended'),
    }
    state.textContent = words[now]
    said.textContent = why || (now === 'connecting' || now === 'reconnecting' ? words[now] + ' …' : '')
    said.hidden = now === 'live'
  }

  const keepFrame = () => {
    const canvas = stage.querySelector<HTMLCanvasElement>('canvas:not(.screen-ghost)')
    if (!canvas?.width || !canvas.height) return
    const ghost = document.createElement('canvas')
    ghost.className = 'screen-ghost'
    ghost.width = canvas.width
    ghost.height = canvas.height
    ghost.getContext('2d')?.drawImage(canvas, 0, 0)
    stage.querySelector('.screen-ghost')?.remove()
    stage.append(ghost)
  }

  const dress = () => {
    if (!rfb) return
    rfb.viewOnly = viewOnly
    rfb.scaleViewport = fit
    element.toggleAttribute('data-fit', fit)
  }

  const opened = (socket: WebSocket, first: MessageEvent, viewers: number) => {
    element.dataset.viewers = String(viewers + 1)
    const others = element.querySelector<HTMLElement>('.screen-others')
    if (others) {
      others.textContent = viewers ? t('%s others are here', viewers) : ''
      others.hidden = !viewers
    }
    const made = new RFB(stage, socket, { shared: true })
    rfb = made
    made.background = 'transparent'
    made.showDotCursor = true
    dress()
    made.addEventListener('connect', () => {
      stage.querySelector('.screen-ghost')?.remove()
      say('live', '')
      if (!document.activeElement || document.activeElement === document.body) made.focus()
    })
    made.addEventListener('disconnect', () => {
      if (rfb === made) rfb = undefined
    })
    made.addEventListener('securityfailure', () =>
      say('ended', t('The screen asks for a password; it has none of ours.')),
    )
    // noVNC takes its picture away when the socket closes; capturing listeners come before its own.
    socket.addEventListener('close', keepFrame, { capture: true })
    // It was made by the first message, so it has not seen that one.
    socket.onmessage?.(first)
  }

  const line = openLine(element.dataset.ticket!, {
    writable: () => element.dataset.viewOnly !== 'true',
    opened,
    say,
    wake: `vm-${element.dataset.uid}`,
  })

  const press = (codes: string[]) => {
    for (const code of codes) rfb?.sendKey(keysyms[code] ?? 0, code, true)
    for (const code of codes.toReversed()) rfb?.sendKey(keysyms[code] ?? 0, code, false)
    rfb?.focus()
  }

  const type = (text: string, layout: Layout) => {
    const found = strokes(text, layout)
    const shift = keysyms.ShiftLeft!
    let at = 0
    window.clearInterval(typing)
    typing = window.setInterval(() => {
      const stroke = found.strokes[at]
      at += 1
      if (!stroke || !rfb) {
        window.clearInterval(typing)
        return
      }
      if (stroke.shift) rfb.sendKey(shift, 'ShiftLeft', true)
      rfb.sendKey(stroke.keysym, stroke.code, true)
      rfb.sendKey(stroke.keysym, stroke.code, false)
      if (stroke.shift) rfb.sendKey(shift, 'ShiftLeft', false)
    }, strokeEvery)
    return found.impossible
  }

  const save = () =>
    rfb?.toBlob((blob) => {
      if (!blob) return
      const link = document.createElement('a')
      link.href = URL.createObjectURL(blob)
      link.download = `${element.dataset.name}-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.png`
      link.click()
      URL.revokeObjectURL(link.href)
    }, 'image/png')

  const acts: Record<string, (button: HTMLElement) => void> = {
    'ctrl-alt-del': () => rfb?.sendCtrlAltDel(),
    keys: (button) => press((button.dataset.codes ?? '').split(' ')),
    fit: (button) => {
      fit = !fit
      button.setAttribute('aria-pressed', String(fit))
      dress()
    },
    full: () => void (document.fullscreenElement ? document.exitFullscreen() : element.requestFullscreen()),
    'view-only': (button) => {
      viewOnly = !viewOnly
      button.setAttribute('aria-pressed', String(viewOnly))
      dress()
    },
    save,
    again: () => line.again(),
  }
  element.addEventListener(
    'click',
    (event) => {
      const button = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-act]') : null
      if (button) acts[button.dataset.act ?? '']?.(button)
    },
    { signal: buttons.signal },
  )
  element.addEventListener(
    'submit',
    (event) => {
      const form = event.target as HTMLFormElement
      if (!form.matches('[data-paste]')) return
      event.preventDefault()
      const data = new FormData(form)
      const text = data.get('text')
      const impossible = type(typeof text === 'string' ? text : '', data.get('layout') === 'jp' ? 'jp' : 'us')
      const note = form.querySelector<HTMLElement>('[data-impossible]')
      if (note) {
        note.hidden = !impossible.length
        note.textContent = t('Left out, as this keyboard cannot type it: %s', impossible.slice(0, 20).join(' '))
      }
      if (!impossible.length) form.closest<HTMLElement>('[popover]')?.hidePopover()
    },
    { signal: buttons.signal },
  )
  const layout = element.querySelector<HTMLSelectElement>('[data-paste] select')
  if (layout && navigator.language.startsWith('ja')) layout.value = 'jp'

  return () => {
    buttons.abort()
    window.clearInterval(typing)
    rfb?.disconnect()
    line.close()
  }
}

export default screen
