// The carton's examples: a click fills the inputs.
import { classes, h, type VNode } from "../dom"
import { errorBox, heading, more, section } from "../parts"
import { thumbnail } from "../previews/preview"
import type { Example } from "../state"
import type { View } from "../view"
import type { Region } from "./region"

export function examples(view: View): Region {
  return {
    follows: ["examples", "outputs"],
    draw: () => {
      const { items, more: left } = view.state("examples")
      if (!items.length) return null
      const chosen = view.state("outputs").example
      return section("Examples", "examples",
        heading("Examples"),
        h("div", { class: "cp-gallery" }, items.map((item, index) => card(view, item, index, item.name === chosen))),
        more(left),
        errorBox(view.failure("examples")))
    },
  }
}

/** The button is the name alone, and reaches over the whole card. */
function card(view: View, item: Example, index: number, chosen: boolean): VNode {
  const id = `${view.uid}-example-${index}`
  return h("div", { key: index, class: classes("cp-example", chosen && "cp-chosen"), title: item.description || item.name },
    h("span", { class: "cp-thumb" }, item.preview ? thumbnail(view, item.preview, "") : text(item)),
    h("button", {
      type: "button", class: "cp-example-name", "aria-current": chosen && "true", "aria-describedby": item.preview && id,
      on: { click: () => void view.ask("examples", "example", { index }) },
    }, item.name),
    item.preview && h("span", { id, class: "cp-example-inputs" }, item.inputs.map((input) => `${input.name} ${input.text}`).join(" · ")))
}

function text(item: Example): VNode {
  return h("span", { class: "cp-thumb-text" }, item.inputs.map((input) =>
    h("span", {}, h("span", { class: "cp-muted" }, `${input.name} `), input.text)))
}
