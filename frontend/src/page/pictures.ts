/** Pictures of screens: fetched again now and then while somebody looks, and taken away when there is none. */

export function pictures() {
  // `error` doesn't bubble, but it can be caught on the way down.
  document.addEventListener(
    'error',
    (event) => {
      if (event.target instanceof HTMLImageElement && event.target.matches('.thumb')) event.target.hidden = true
    },
    true,
  )
  window.setInterval(() => {
    if (document.hidden) return
    for (const picture of document.querySelectorAll<HTMLImageElement>('img.thumb[data-refresh]')) {
      const next = new Image()
      next.onload = () => {
        picture.src = next.src
        picture.hidden = false
      }
      next.src = `${picture.src.split('?')[0]}?${Date.now()}`
    }
  }, 10_000)
}
