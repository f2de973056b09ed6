// The runs so far.
import { copied, CopiedCode } from "../code"
import { classes, h, type VNode } from "../dom"
import { button, errorBox, heading, section } from "../parts"
import type { HistoryItem } from "../state"
import type { View } from "../view"
import type { Region } from "./region"

export function history(view: View): Region {
  const code = new CopiedCode(view, "history")
  return {
    follows: ["history"],
    draw: () => {
      const { items, total } = view.state("history")
      if (!items.length) return null
      return section("History", "history",
        heading("History", h("span", { class: "cp-grow" }), h("span", { class: "cp-muted" }, total === 1 ? "1 run" : `${total.toLocaleString("en")} runs`)),
        h("ol", { class: "cp-runs", tabindex: "0", "aria-label": "Runs, the newest first" }, items.map((item) => row(view, item, code))),
        items.length < total && h("div", { class: "cp-more" }, `the last ${items.length} of ${total.toLocaleString("en")} runs`),
        copied(code),
        errorBox(view.failure("history")))
    },
  }
}

const LOOKS = { done: "", stopped: "cp-warn", failed: "cp-bad" }

function row(view: View, item: HistoryItem, code: CopiedCode): VNode {
  return h("li", { key: item.id, class: "cp-past" },
    h("span", { class: "cp-muted cp-number" }, item.time),
    h("span", { class: "cp-past-inputs" }, item.inputs),
    h("span", { class: classes("cp-number", LOOKS[item.status]) }, item.outcome),
    h("span", { class: "cp-buttons" },
      button("Replay", () => void view.ask("run", "replay", { run: item.id }), { look: "quiet", title: `Run ${item.id} again` }),
      button("Code", () => void code.copy(item.id), { look: "quiet", label: `Copy run ${item.id} as code` })))
}
