import { h, type VNode } from "../dom"
import type { Statistics } from "../state"

export function statistics({ rows }: Statistics): VNode {
  return h("dl", { class: "cp-statistics" }, rows.map(([name, value]) => h("div", { key: name }, h("dt", {}, name), h("dd", { class: "cp-mono" }, value))))
}
