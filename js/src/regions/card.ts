// What the model is, before and after it is loaded.
import { h, type Child, type VNode } from "../dom"
import { button, chip, errorBox, scroller, section } from "../parts"
import { description } from "../description"
import type { CardState, LoadState, TensorView } from "../state"
import type { View } from "../view"
import type { Region } from "./region"
import { progress, statusLine } from "./status"

export function card(view: View): Region {
  let about = false
  const toggle = () => {
    about = !about
    view.changed("card")
  }
  return {
    follows: ["card", "load", "status"],
    draw: () => {
      const state = view.state("card")
      const load = view.state("load")
      const loaded = load.phase === "loaded"
      return section("Model card", "card",
        head(state, about, toggle),
        h("p", { class: "cp-summary" }, state.summary, " ", !loaded && h("span", { class: "cp-muted" }, why(state))),
        about && more(state, loaded),
        !loaded && specs(state),
        !loaded && loading(view, load))
    },
  }
}

function head(state: CardState, about: boolean, toggle: () => void): VNode {
  return h("div", { class: "cp-row" },
    h("h2", { class: "cp-name" }, state.title),
    state.license && chip(state.license),
    state.hash && h("span", { class: "cp-chip cp-mono", title: `model hash ${state.hash}` }, state.hash.slice(0, 8)),
    h("span", { class: "cp-grow" }),
    state.verified && chip(/verified/.test(state.verified) && h("b", { "aria-hidden": "true" }, "✓ "), state.verified),
    button(["About ", h("span", { class: "cp-caret", "aria-hidden": "true" }, about ? "▴" : "▾")], toggle, { look: "quiet", expanded: about }))
}

function why(state: CardState): string {
  return [state.runner && `needs ${state.runner}`, state.reason, state.size].filter(Boolean).join(" · ")
}

function more(state: CardState, loaded: boolean): VNode {
  return h("div", { class: "cp-about" },
    state.description_html && description(state.description_html),
    h("dl", { class: "cp-facts" },
      fact("runner", [state.runner, state.reason && h("span", { class: "cp-muted" }, ` ${state.reason}`)], state.runner),
      fact("size", state.size, state.size),
      fact("platforms", state.platforms.join(", "), state.platforms.length),
      fact("links", state.links.map((link) => h("a", { href: safe(link.description), target: "_blank", rel: "noopener noreferrer" }, link.name)), state.links.length),
      fact("hash", h("span", { class: "cp-mono cp-anywhere" }, state.hash), state.hash)),
    loaded && specs(state),
    files(state))
}

function fact(name: string, value: Child, shown: unknown): Child {
  return shown ? h("div", { key: name }, h("dt", {}, name), h("dd", {}, value)) : null
}

/** Only what a browser fetches; anything else is not a link. */
function safe(address: string): string | null {
  return /^(https?|mailto):/i.test(address) ? address : null
}

/** One table for both, so that their columns stand under each other. */
function specs({ inputs, outputs }: CardState): Child {
  if (!inputs.length && !outputs.length) return null
  return scroller("The model's inputs and outputs", h("table", { class: "cp-table cp-specs" }, group("input", inputs), group("output", outputs)))
}

function group(what: string, tensors: TensorView[]): Child {
  if (!tensors.length) return null
  const head = [what, "dtype", "shape"].map((name) => h("th", { scope: "col" }, name))
  const row = (spec: TensorView) => h("tr", { key: spec.name }, h("th", { scope: "row" }, spec.name), h("td", {}, spec.dtype), h("td", {}, spec.shape), h("td", { class: "cp-wide cp-wrap cp-muted" }, spec.description))
  return h("tbody", { key: what }, h("tr", { key: "", class: "cp-columns" }, head, h("th", { scope: "col", class: "cp-wide" }, "description")), tensors.map(row))
}

function files({ files: all, files_total }: CardState): Child {
  if (!all.length) return null
  const row = (file: CardState["files"][number]) => h("tr", { key: file.path }, h("td", { class: "cp-mono" }, file.path), h("td", { class: "cp-number" }, file.size), h("td", { class: "cp-muted" }, file.place))
  return h("details", {}, h("summary", {}, `files · ${files_total}`),
    scroller("The model's files", h("table", { class: "cp-table" }, h("tbody", {}, all.map(row)))))
}

function loading(view: View, load: LoadState): VNode {
  const busy = load.phase === "loading"
  return h("div", { class: "cp-load" },
    h("div", { class: "cp-row" },
      button("Load", () => void view.ask("load", "load", {}), { look: "primary", disabled: busy, busy }),
      busy && button("Stop", () => void view.ask("load", "stop", {}), { label: "Stop loading" }),
      h("span", { class: "cp-muted cp-grow" }, load.hint)),
    busy && progress("loading the model", load.fraction),
    statusLine(view, load.status),
    errorBox(load.error ?? (busy ? null : view.failure("load"))))
}
