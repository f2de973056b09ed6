import { h, type VNode } from "../dom"
import type { Nested } from "../state"

export function nested({ rows }: Nested): VNode {
  return h("ol", { class: "cp-nested" }, rows.map(({ shape, text }, at) =>
    h("li", { key: at }, h("span", { class: "cp-mono cp-muted" }, shape), h("span", { class: "cp-mono cp-anywhere" }, text))))
}
