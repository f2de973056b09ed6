// What came out, shown as what it is, beside what the example says should come out.
import { copied, CopiedCode } from "../code"
import { classes, h, type Child, type VNode } from "../dom"
import { button, chip, errorBox, heading, section } from "../parts"
import { preview } from "../previews/preview"
import { Saver } from "../save"
import type { ErrorView, Kind, Output, OutputsState } from "../state"
import type { View } from "../view"
import type { Region } from "./region"

const KINDS: Record<Kind, string> = {
  value: "Value", image: "Image", mask: "Mask", audio: "Audio", text: "Text", scores: "Scores", table: "Table", line: "Line plot",
  heatmap: "Heat map", histogram: "Histogram", statistics: "Statistics", json: "JSON", nested: "Nested",
}

export function outputs(view: View): Region {
  const code = new CopiedCode(view, "outputs")
  const saver = new Saver(view)
  const refused = refusals(view)
  return {
    follows: ["outputs", "run"],
    draw: () => {
      const state = view.state("outputs")
      const run = view.state("run")
      const error = run.error ?? refused()
      const old = (run.phase === "failed" || run.phase === "stopped") && state.run > 0 && state.run !== run.id
      return section("Outputs", "outputs",
        heading("Outputs", state.example && chip("example ", h("b", {}, state.example)), h("span", { class: "cp-grow" }),
          button("Copy as code", () => void code.copy(state.items.length ? state.run : null), { look: "quiet" })),
        copied(code), errorBox(error), errorBox(view.failure("outputs")),
        old && state.items.length > 0 && h("div", { class: "cp-more" }, `What follows came out of run ${state.run}, before.`),
        groups(view, saver, state),
        !error && !state.items.length && !state.expected.length && h("p", { class: "cp-empty" }, "Results appear here."))
    },
  }
}

/** Why the last run was refused, until there is another run, of another view perhaps. */
function refusals(view: View): () => ErrorView | null {
  let last: ErrorView | null = null
  let during = 0
  return () => {
    const [failure, { id }] = [view.failure("run"), view.state("run")]
    if (failure !== last) during = id
    last = failure
    return during === id ? failure : null
  }
}

/** By name, so that what came out stands beside what should have. */
function groups(view: View, saver: Saver, { items, expected }: OutputsState): Child {
  const names = [...new Set([...items, ...expected].map((output) => output.name))]
  return names.map((name) => {
    const pair = [...items, ...expected].filter((output) => output.name === name)
    const [first] = pair
    return first && h("div", { key: name, class: "cp-output" },
      h("div", { class: "cp-label cp-label-text" }, h("b", {}, name), h("span", { class: "cp-spec" }, `${first.dtype} ${first.shape}`, first.description && ` · ${first.description}`)),
      h("div", { class: classes("cp-sides", pair.length > 1 && "cp-both") }, pair.map((output) => one(view, saver, output, expected.length > 0))))
  })
}

function one(view: View, saver: Saver, output: Output, labelled: boolean): VNode {
  const suffix = output.which === "expected" ? " (expected)" : ""
  return h("div", { key: output.which, class: "cp-out" },
    labelled && h("div", { class: "cp-side" }, output.which),
    preview(view, output.preview, output.name + suffix),
    h("div", { class: "cp-foot" },
      output.kinds.length > 1 && chooser(view, output, suffix),
      output.summary && h("span", { class: "cp-muted cp-summary-text" }, output.summary),
      output.saves.length > 0 && h("span", { class: "cp-saves" }, output.saves.map((format) =>
        button(`.${format}`, () => void saver.save(output, format), { look: "quiet", label: `Save ${output.name}${suffix} as .${format}`, title: `Save as .${format}` })))))
}

function chooser(view: View, { name, which, kind, kinds }: Output, suffix: string): VNode {
  return h("select", {
    class: "cp-input cp-select", "aria-label": `Show ${name}${suffix} as`, value: kind,
    on: { change: (event) => void view.ask("outputs", "show", { output: name, which, kind: (event.target as HTMLSelectElement).value as Kind }) },
  }, kinds.map((each) => h("option", { key: each, value: each }, KINDS[each])))
}
