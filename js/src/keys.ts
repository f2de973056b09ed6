// The keyboard, which a notebook also listens to.
import type { View } from "./view"

const SUPPRESS = "data-lm-suppress-shortcuts"

/** Ctrl+Enter runs from anywhere within; keys typed here are not the notebook's ("x" cuts a cell there). */
export function keys(view: View, run: () => void): void {
  const { root, signal } = view
  // JupyterLab listens on the document and looks for this attribute. Its shortcuts with Ctrl or Command, to save say, stay its own.
  const choose = (event: KeyboardEvent) => {
    if (event.composedPath().includes(root)) root.toggleAttribute(SUPPRESS, !withControl(event) || event.key === "Enter")
  }
  window.addEventListener("keydown", choose, { capture: true, signal })
  const press = (event: KeyboardEvent) => {
    if (withControl(event) && event.key === "Enter") {
      event.preventDefault()
      event.stopPropagation()
      run()
    } else if (!withControl(event)) event.stopPropagation()
  }
  root.addEventListener("keydown", press, { signal })
}

function withControl(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey
}
