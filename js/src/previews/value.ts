import { h, type VNode } from "../dom"
import type { Value } from "../state"

export function value({ text }: Value): VNode {
  return h("div", { class: "cp-value" }, text)
}
