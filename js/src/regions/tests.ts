// The carton's self tests.
import { h, type Child, type VNode } from "../dom"
import { button, errorBox, heading, scroller, section } from "../parts"
import type { TestRow, TestsState } from "../state"
import type { View } from "../view"
import type { Region } from "./region"
import { progress } from "./status"

export function tests(view: View): Region {
  return {
    follows: ["tests"],
    draw: () => {
      const state = view.state("tests")
      if (!state.names.length) return null
      const running = state.phase === "running"
      return section("Self tests", "tests",
        heading("Self tests", verdict(state), h("span", { class: "cp-grow" }),
          running && button("Stop", () => void view.ask("tests", "stop", {}), { label: "Stop the self tests" }),
          button("Run self tests", () => void view.ask("tests", "test", {}), { disabled: running, busy: running })),
        running && progress("running the self tests", state.total ? state.rows.length / state.total : null),
        state.rows.length ? table(state.rows) : state.phase === "idle" && h("div", { class: "cp-muted" }, state.names.join(" · ")),
        errorBox(state.error ?? (running ? null : view.failure("tests"))))
    },
  }
}

function verdict({ phase, passed, total, names }: TestsState): Child {
  if (phase === "idle") return h("span", { class: "cp-muted" }, names.length === 1 ? "1 test" : `${names.length} tests`)
  if (phase === "running") return h("span", { class: "cp-muted" }, "running")
  if (phase === "failed") return h("b", { class: "cp-bad" }, "could not run")
  return h("b", { class: passed === total ? "cp-good" : "cp-bad" }, `${passed} of ${total} pass`)
}

function table(rows: TestRow[]): VNode {
  const columns = ["test", "output", "largest error", "tolerance"].map((name) => h("th", { scope: "col" }, name))
  return scroller("Results of the self tests", h("table", { class: "cp-table" },
    h("thead", {}, h("tr", {}, columns, h("th", { scope: "col", class: "cp-wide" }, "time"))),
    h("tbody", {}, rows.map(row))))
}

function row(result: TestRow, at: number): Child {
  const mark = result.passed ? h("span", { class: "cp-good" }, "✓ ") : h("span", { class: "cp-bad" }, "✗ ")
  const words = h("span", { class: "cp-hidden" }, result.passed ? "passes: " : "fails: ")
  return [
    h("tr", { key: at }, h("td", {}, h("span", { "aria-hidden": "true" }, mark), words, result.test), h("td", {}, result.output),
      h("td", { class: "cp-number" }, result.error), h("td", { class: "cp-number" }, result.tolerance), h("td", { class: "cp-number cp-wide" }, result.time)),
    result.message && h("tr", { key: `${at} message` }, h("td", { colspan: "5", class: "cp-bad cp-wrap" }, result.message)),
  ]
}
