import { h, type VNode } from "../dom"
import type { Texts } from "../state"

/** One text as it is, several as a numbered list. */
export function text({ texts }: Texts): VNode {
  if (texts.length === 1) return h("p", { class: "cp-text" }, texts[0])
  return h("ol", { class: "cp-text-list", start: "0" }, texts.map((each, at) => h("li", { key: at, class: "cp-text" }, each)))
}
