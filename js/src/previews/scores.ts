import { h, type VNode } from "../dom"
import type { Scores } from "../state"

export function scores({ bars }: Scores, name: string): VNode {
  return h("ol", { class: "cp-bars", "aria-label": `${name}, the highest first` }, bars.map(({ label, value, fraction }, at) =>
    h("li", { key: at },
      h("span", { class: "cp-bar-label", title: label }, label),
      h("span", { class: "cp-bar-track", "aria-hidden": "true" }, h("i", { class: "cp-bar", css: { width: `${Math.max(0, Math.min(1, fraction)) * 100}%` } })),
      h("span", { class: "cp-mono cp-number" }, value))))
}
