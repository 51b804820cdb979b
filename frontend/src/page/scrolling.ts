/** What is larger than its place can be scrolled with the keyboard too; what fits is no stop on the way. */
export function letKeysScroll(root: ParentNode = document) {
  for (const table of root.querySelectorAll<HTMLElement>('.table-scroll, .table-wrap')) {
    const fits = table.scrollWidth <= table.clientWidth && table.scrollHeight <= table.clientHeight
    if (!fits) table.tabIndex = 0
    else table.removeAttribute('tabindex')
  }
}
