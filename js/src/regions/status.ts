// The live region and the progress bar beside it.
import { SILENCE } from "../connection"
import { classes, h, type Child, type VNode } from "../dom"
import type { View } from "../view"

/** The one live region; what ticks stands after it, or a screen reader would never be quiet. */
export function statusLine(view: View, text: string, ...after: Child[]): VNode {
  const { silent } = view.connection
  return h("div", { class: "cp-status" },
    h("span", { class: classes(silent && "cp-bad"), role: "status", "aria-live": "polite" }, silent ? SILENCE : text), after)
}

/** `fraction` null: something goes on, nobody knows how long. */
export function progress(label: string, fraction: number | null): VNode {
  const known = fraction === null ? null : String(Math.round(fraction * 100))
  return h("div", { class: classes("cp-progress", known === null && "cp-endless"), role: "progressbar", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": known },
    h("i", { css: { width: known === null ? "30%" : `${known}%` } }))
}
