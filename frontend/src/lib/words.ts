/** The page's language, for the few sentences that only scripts say. The English sentence is the key. */

const words = () => {
  const block = document.getElementById('words')
  return (block ? JSON.parse(block.textContent ?? '{}') : {}) as Record<string, string>
}
let known: Record<string, string> | undefined

/** `t('Stale since %s', '10:42')` */
export function t(sentence: string, ...values: (string | number)[]): string {
  known ??= words()
  let at = 0
  return (known[sentence] ?? sentence).replace(/%s/g, () => String(values[at++] ?? ''))
}
