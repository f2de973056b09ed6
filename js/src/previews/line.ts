// Line plots, with the ranges at their edges.
import { h, s, type VNode } from "../dom"
import type { Line } from "../state"

const W = 400
const H = 140

export function line({ series, x, y }: Line, name: string, small = false): VNode {
  const plot = s("svg", { class: "cp-plot", viewBox: `0 -4 ${W} ${H + 8}`, preserveAspectRatio: "none", role: "img", "aria-label": `${name}: ${series.length} ${series.length === 1 ? "line" : "lines"} from ${show(y[0])} to ${show(y[1])}` },
    series.map(({ points }, at) => s("polyline", { key: at, class: `cp-line cp-color-${at % 6}`, points: place(points, x, y), fill: "none", "vector-effect": "non-scaling-stroke" })))
  if (small) return plot
  return h("div", { class: "cp-axes" },
    h("div", { class: "cp-axis-y cp-number" }, h("span", {}, show(y[1])), h("span", {}, show(y[0]))),
    plot,
    h("div", { class: "cp-axis-x cp-number" }, h("span", {}, show(x[0])), h("span", {}, show(x[1]))),
    series.length > 1 && h("ul", { class: "cp-legend", "aria-label": "legend" }, series.map(({ name: each }, at) => h("li", { key: at }, h("i", { class: `cp-swatch cp-color-${at % 6}` }), each))))
}

function place(points: number[], x: [number, number], y: [number, number]): string {
  const scale = (value: number, [low, high]: [number, number], size: number) => (high > low ? ((value - low) / (high - low)) * size : size / 2)
  const out: string[] = []
  for (let at = 0; at + 1 < points.length; at += 2) out.push(`${scale(points[at] ?? 0, x, W).toFixed(1)},${(H - scale(points[at + 1] ?? 0, y, H)).toFixed(1)}`)
  return out.join(" ")
}

/** Four digits are enough for an axis. */
export function show(value: number): string {
  return String(Number(value.toPrecision(4)))
}
