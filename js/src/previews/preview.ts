// A preview by its kind, in full or as a thumbnail.
import { h, type VNode } from "../dom"
import { more } from "../parts"
import type { Preview } from "../state"
import type { View } from "../view"
import { audio } from "./audio"
import { histogram } from "./histogram"
import { json } from "./json"
import { line } from "./line"
import { nested } from "./nested"
import { heatmap, image, mask, picture } from "./picture"
import { scores } from "./scores"
import { statistics } from "./statistics"
import { table } from "./table"
import { text } from "./text"
import { value } from "./value"

/** `name` is what it is called to a screen reader. */
export function preview(view: View, state: Preview, name: string): VNode {
  return h("div", { key: state.kind, class: `cp-preview cp-preview-${state.kind}` }, draw(view, state, name), more(state.more))
}

function draw(view: View, state: Preview, name: string): VNode {
  switch (state.kind) {
    case "image": return image(view, state, name)
    case "mask": return mask(view, state, name)
    case "heatmap": return heatmap(view, state, name)
    case "audio": return audio(view, state, name)
    case "value": return value(state)
    case "text": return text(state)
    case "scores": return scores(state, name)
    case "table": return table(state, name)
    case "line": return line(state, name)
    case "histogram": return histogram(state, name)
    case "statistics": return statistics(state)
    case "json": return json(state, name)
    case "nested": return nested(state)
  }
}

/** Pictures and sounds without their controls; anything else as it is, cut off by its frame. */
export function thumbnail(view: View, state: Preview, name: string): VNode {
  switch (state.kind) {
    case "image": case "mask": case "heatmap": return picture(view, state, name)
    case "audio": return h("span", { class: "cp-thumb-wave" }, audio(view, state, name, true))
    case "value": return h("span", { class: "cp-thumb-text" }, state.text)
    case "text": return h("span", { class: "cp-thumb-text" }, state.texts.join("\n"))
    case "line": return line(state, name, true)
    case "histogram": return histogram(state, name, true)
    case "scores": return h("span", { class: "cp-thumb-text" }, state.bars.map((bar) => `${bar.label} ${bar.value}`).join("\n"))
    case "table": return h("span", { class: "cp-thumb-text" }, state.rows.map((row) => row.join("  ")).join("\n"))
    case "statistics": return h("span", { class: "cp-thumb-text" }, state.rows.map((row) => row.join(" ")).join("\n"))
    case "json": return h("span", { class: "cp-thumb-text" }, state.text)
    case "nested": return h("span", { class: "cp-thumb-text" }, state.rows.map((row) => `${row.shape} ${row.text}`).join("\n"))
  }
}
