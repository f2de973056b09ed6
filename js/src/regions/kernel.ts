// The model's process: its state, memory and speed; restart, unload, logs.
import { classes, h, s, type Child } from "../dom"
import { button, errorBox, scroller, section } from "../parts"
import type { KernelState } from "../state"
import type { View } from "../view"
import type { Region } from "./region"

export function kernel(view: View): Region {
  let lines: string[] | null = null
  const logs = async () => {
    const reply = lines ? null : await view.ask("kernel", "logs", {})
    lines = reply?.ok.lines ?? null
    view.changed("kernel")
  }
  return {
    follows: ["kernel"],
    draw: () => {
      const state = view.state("kernel")
      return section("Kernel", "kernel",
        h("div", { class: "cp-row" },
          h("span", { class: "cp-state" }, h("i", { class: classes("cp-dot", `cp-dot-${state.state || "none"}`), "aria-hidden": "true" }), h("b", {}, state.state || "no process")),
          h("span", { class: "cp-muted" }, state.about), state.memory && h("span", { class: "cp-muted cp-wide" }, state.memory),
          speed(state),
          h("span", { class: "cp-grow" }),
          h("span", { class: "cp-buttons" },
            button("Logs", () => void logs(), { look: "quiet", expanded: lines !== null }),
            button("Restart kernel", () => void view.ask("kernel", "restart", {}), { look: "quiet" }),
            button("Unload", () => void view.ask("kernel", "unload", {}), { look: "quiet" }))),
        state.error && h("div", { class: "cp-bad" }, state.error),
        errorBox(view.failure("kernel")),
        lines && scroller("Log lines", h("pre", { class: "cp-code" }, lines.join("\n") || "Nothing was logged.")))
    },
  }
}

function speed(state: KernelState): Child {
  const text = [state.latency, state.calls, state.queued ? `${state.queued} waiting` : ""].filter(Boolean).join(" · ")
  return [spark(state.spark), text && h("span", { class: "cp-muted cp-wide" }, text)]
}

function spark(times: number[]): Child {
  if (times.length < 4) return null // too few to tell anything
  const top = Math.max(...times) || 1
  const points = times.map((time, at) => `${((at / (times.length - 1)) * 92).toFixed(1)},${(18 - (time / top) * 15).toFixed(1)}`)
  return s("svg", { class: "cp-spark cp-wide", width: "92", height: "20", viewBox: "0 0 92 20", preserveAspectRatio: "none", role: "img", "aria-label": "latency of the last calls" },
    s("polyline", { fill: "none", stroke: "currentColor", "stroke-width": "1.4", "stroke-linejoin": "round", "vector-effect": "non-scaling-stroke", points: points.join(" ") }))
}
