/** xterm.js under our Content-Security-Policy: its style elements get the page's nonce, its style attributes go through
 * the object model, which the policy allows. Loaded on pages with a terminal only. */

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.nonce
const done = Symbol.for('vmconsole.styles')
const mark = window as unknown as Record<symbol, boolean>

if (nonce && !mark[done]) {
  mark[done] = true
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the document it is asked for
  const create = Document.prototype.createElement
  Document.prototype.createElement = function (this: Document, name: string, options?: ElementCreationOptions) {
    const element = create.call(this, name, options)
    if (name.toLowerCase() === 'style') element.setAttribute('nonce', nonce) // before it is inserted
    return element
  }
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the element it is asked for
  const set = Element.prototype.setAttribute
  Element.prototype.setAttribute = function (this: Element, name: string, value: string) {
    if (name === 'style' && this instanceof HTMLElement) this.style.cssText = value
    else set.call(this, name, value)
  }
}
export {}
