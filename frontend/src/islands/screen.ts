/** A machine's screen: noVNC on our byte pipe.
 *
 * Reconnects by itself, with a new ticket, and keeps the last frame dimmed meanwhile. Of several people at one screen
 * one drives; the server drops what the others type, so here it is not even sent. What the guest sends as its name is
 * text, its clipboard is not taken. The buttons are the server's; this only makes them work.
 */
import RFB from '@novnc/novnc'
import { isTold, keepCompany } from '../lib/company'
import { checkWay, openLine, type State } from '../lib/console'
import { pasting } from '../lib/pasting'
import { keysyms } from '../lib/typing'
import { t } from '../lib/words'
import type { Island } from '../page/islands'

const screen: Island = (element) => {
  const stage = element.querySelector<HTMLElement>('.screen-stage')!
  const said = element.querySelector<HTMLElement>('.screen-said')!
  const state = element.querySelector<HTMLElement>('.screen-state')!
  const why = element.querySelector<HTMLElement>('.screen-why')!
  const buttons = new AbortController()
  let rfb: RFB | undefined
  let viewOnly = element.dataset.viewOnly === 'true'
  let fit = true

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

  const say = (now: State, reason: string) => {
    element.dataset.state = now
    // noVNC takes its picture away when the socket closes; we are told a moment before.
    if (now !== 'live') keepFrame()
    const words: Record<State, string> = {
      connecting: t('Connecting'),
      live: t('Live'),
      waiting: t('Waiting'),
      reconnecting: t('Reconnecting'),
      off: t('Off'),
      ended: t('Ended'),
    }
    state.textContent = words[now]
    said.textContent = reason || (now === 'connecting' || now === 'reconnecting' ? words[now] + ' …' : '')
    said.hidden = now === 'live'
    why.hidden = now !== 'reconnecting' && now !== 'ended'
  }

  const dress = () => {
    for (const button of element.querySelectorAll<HTMLButtonElement>('[data-drives]')) button.disabled = !company.drives
    if (!rfb) return
    rfb.viewOnly = viewOnly || !company.drives
    rfb.scaleViewport = fit
    element.toggleAttribute('data-fit', fit)
  }

  const opened = (socket: WebSocket, first: MessageEvent<ArrayBuffer> | undefined) => {
    company.reset()
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
    // It was made by the first message, so it has not seen that one.
    if (first) socket.onmessage?.(first)
  }

  const line = openLine(element.dataset.ticket!, {
    writable: () => element.dataset.viewOnly !== 'true',
    opened,
    told: (message) => {
      if (isTold(message)) company.hear(message)
    },
    say,
    wake: `vm-${element.dataset.uid}`,
  })
  const company = keepCompany(element, {
    shared: false,
    wish: (wish) => line.wish(wish),
    changed: (drives) => {
      if (!drives) paste.stop()
      dress()
      if (drives) rfb?.focus()
    },
  })
  const paste = pasting(
    element,
    (keysym, code, down) => {
      if (!rfb || !company.drives) return false
      rfb.sendKey(keysym, code, down)
      return true
    },
    buttons.signal,
  )

  const press = (codes: string[]) => {
    for (const code of codes) rfb?.sendKey(keysyms[code] ?? 0, code, true)
    for (const code of codes.toReversed()) rfb?.sendKey(keysyms[code] ?? 0, code, false)
    rfb?.focus()
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
    check: () => void checkWay(element),
  }
  element.addEventListener(
    'click',
    (event) => {
      const button = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-act]') : null
      if (button) acts[button.dataset.act ?? '']?.(button)
    },
    { signal: buttons.signal },
  )

  return () => {
    buttons.abort()
    paste.stop()
    rfb?.disconnect()
    line.close()
  }
}

export default screen
