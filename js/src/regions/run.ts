// Run, Stop, and how long it takes.
import { duration, ticking } from "../clock"
import { h, type Child, type VNode } from "../dom"
import { button } from "../parts"
import type { RunState } from "../state"
import type { View } from "../view"
import { progress, statusLine } from "./status"

export function active({ phase }: RunState): boolean {
  return phase === "queued" || phase === "running" || phase === "stopping"
}

export interface Runner { run: () => void; stop: () => void; ready: boolean }

export function runRow(view: View, state: RunState, clock: Clock, { run, stop, ready }: Runner): VNode {
  const busy = active(state)
  return h("div", { class: "cp-run" },
    h("div", { class: "cp-row" },
      button("Run", run, { look: "primary", disabled: busy || !ready, title: "Ctrl+Enter" }),
      button("Stop", stop, { disabled: !busy || state.phase === "stopping" }),
      h("kbd", { class: "cp-keys cp-wide" }, "Ctrl + Enter")),
    busy && progress("running the model", null),
    statusLine(view, state.status, time(state, clock)))
}

function time(state: RunState, clock: Clock): Child {
  if (active(state)) return h("span", { key: "ticking", class: "cp-elapsed", life: { id: String(state.id), start: (element) => ticking(element, clock.start(state)) } })
  const told = state.elapsed === null || /\d (m?s|min)\b/.test(state.status)
  return told ? null : h("span", { class: "cp-elapsed" }, duration(state.elapsed ?? 0))
}

/** When runs began, by this machine's clock: the kernel's may differ, and is only believed for a run that was under way before. */
export class Clock {
  #run: number | null = null
  #start = 0

  start({ id, started }: RunState): number {
    if (id === this.#run) return this.#start
    this.#start = this.#run === null && started !== null ? started * 1000 : Date.now()
    this.#run = id
    return this.#start
  }

  /** No run is under way: the next one is seen from its beginning. */
  idle(): void {
    this.#run = -1
  }
}
