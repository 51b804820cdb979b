/** Islands: custom elements whose code is fetched when one is on the page, and which clean up when they leave it. */

export type Island = (element: HTMLElement) => () => void

const islands: Record<string, () => Promise<{ default: Island }>> = {
  'vm-screen': () => import('../islands/screen'),
  'vm-terminal': () => import('../islands/terminal'),
  'vm-chart': () => import('../islands/chart'),
  'vm-upload': () => import('../islands/upload'),
  'vm-replay': () => import('../islands/replay'),
  'vm-manifest': () => import('../islands/manifest'),
}

export function wakeIslands() {
  for (const [name, load] of Object.entries(islands)) {
    customElements.define(
      name,
      class extends HTMLElement {
        private stop?: () => void
        connectedCallback() {
          void load().then(({ default: island }) => {
            if (this.isConnected && !this.stop) this.stop = island(this)
          })
        }
        disconnectedCallback() {
          this.stop?.()
          this.stop = undefined
        }
      },
    )
  }
}
