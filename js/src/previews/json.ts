import { h, type VNode } from "../dom"
import { scroller } from "../parts"
import type { JsonText } from "../state"

export function json({ text }: JsonText, name: string): VNode {
  return scroller(`${name}, JSON`, h("pre", { class: "cp-code" }, text))
}
