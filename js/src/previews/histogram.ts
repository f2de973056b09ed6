import { h, s, type VNode } from "../dom"
import type { Histogram } from "../state"

export function histogram({ counts, low, high }: Histogram, name: string, small = false): VNode {
  const top = Math.max(1, ...counts)
  const bars = counts.map((count, at) => s("rect", { key: at, x: at + 0.06, width: 0.88, y: 100 - (count / top) * 100, height: (count / top) * 100 }))
  const plot = s("svg", { class: "cp-plot cp-histogram", viewBox: `0 0 ${Math.max(1, counts.length)} 100`, preserveAspectRatio: "none", role: "img", "aria-label": `${name}: how often values occur, from ${low} to ${high}, at most ${top} in one of ${counts.length} bins` }, bars)
  return small ? plot : h("div", { class: "cp-axes" }, plot, h("div", { class: "cp-axis-x cp-number" }, h("span", {}, low), h("span", {}, high)))
}
