// Pictures, masks and heat maps: PNGs that Python made.
import { classes, h, type VNode } from "../dom"
import type { Picture } from "../state"
import type { View } from "../view"
import { source } from "./blob_source"

/** Small ones are enlarged without blur: each pixel is a number that someone may want to see. */
const SMALL = 96

export function picture(view: View, { blob, width, height }: Picture, name: string): VNode {
  return h("img", { class: classes("cp-picture", Math.max(width, height) <= SMALL && "cp-pixels"), alt: name, width, height, css: { "--cp-ratio": String(width / Math.max(1, height)) }, decoding: "async", life: source(view, blob) })
}

export function image(view: View, state: Picture, name: string): VNode {
  return figure(view, state, name, state.count > 1 && !state.more && h("figcaption", { class: "cp-more" }, `${state.count.toLocaleString("en")} pictures`))
}

export function mask(view: View, state: Picture, name: string): VNode {
  const legend = state.legend.map(({ color, label }) => h("li", { key: label }, h("i", { class: "cp-swatch", css: { background: color } }), label))
  return figure(view, state, name, legend.length > 0 && h("ul", { class: "cp-legend", "aria-label": "legend" }, legend))
}

export function heatmap(view: View, state: Picture, name: string): VNode {
  return figure(view, state, name, (state.low || state.high) && h("figcaption", { class: "cp-more" }, `darkest ${state.low} · brightest ${state.high}`))
}

function figure(view: View, state: Picture, name: string, below: VNode | false | "" ): VNode {
  return h("figure", { class: "cp-figure" }, picture(view, state, name ? `${name}, ${state.kind}, ${state.width} × ${state.height}` : ""), below)
}
