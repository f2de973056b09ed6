// The carton's examples: a click fills the inputs.
import { h, type VNode } from "../dom"
import { errorBox, heading, section } from "../parts"
import { thumbnail } from "../previews/preview"
import type { Example } from "../state"
import type { View } from "../view"
import type { Region } from "./region"

export function examples(view: View): Region {
  return {
    follows: ["examples", "outputs"],
    draw: () => {
      const { items } = view.state("examples")
      if (!items.length) return h("div", { key: "examples", hidden: true })
      const chosen = view.state("outputs").example
      return section("Examples", "examples",
        heading("Examples"),
        h("div", { class: "cp-gallery" }, items.map((item, index) => card(view, item, index, item.name === chosen))),
        errorBox(view.failure("examples")))
    },
  }
}

function card(view: View, item: Example, index: number, chosen: boolean): VNode {
  return h("button", {
    key: index, type: "button", class: "cp-example", "aria-label": item.name, "aria-current": chosen && "true", title: item.description || item.name,
    on: { click: () => void view.ask("examples", "example", { index }) },
  },
  h("span", { class: "cp-thumb" }, item.preview ? thumbnail(view, item.preview, "") : text(item)),
  h("b", { class: "cp-example-name" }, item.name),
  item.preview && h("span", { class: "cp-example-inputs" }, item.inputs.map((input) => `${input.name} ${input.text}`).join(" · ")))
}

function text(item: Example): VNode {
  return h("span", { class: "cp-thumb-text" }, item.inputs.map((input) =>
    h("span", {}, h("span", { class: "cp-muted" }, `${input.name} `), input.text)))
}
