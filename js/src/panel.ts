// The entry: anywidget calls `render` for each place that shows the panel.
import type { AnyModel } from "@anywidget/types"
import { classes, h, type VNode } from "./dom"
import { keys } from "./keys"
import { patch } from "./patch"
import { card } from "./regions/card"
import { examples } from "./regions/examples"
import { history } from "./regions/history"
import { inputs } from "./regions/inputs"
import { kernel } from "./regions/kernel"
import { outputs } from "./regions/outputs"
import type { Region } from "./regions/region"
import { tests } from "./regions/tests"
import type { PanelState } from "./state"
import { View, type RegionName } from "./view"

interface Given { model: AnyModel<PanelState>; el: HTMLElement; signal?: AbortSignal }

class Panel {
  readonly #view: View
  readonly #regions: Region[]
  readonly #drawn = new Map<Region, VNode | null>()
  #children: VNode[] = []

  constructor(readonly root: HTMLElement, model: AnyModel<PanelState>, signal: AbortSignal) {
    this.#view = new View(root, model, signal, (dirty) => this.#draw(dirty))
    const inputsRegion = inputs(this.#view)
    this.#regions = [card, kernel, () => inputsRegion, outputs, examples, tests, history].map((make) => make(this.#view))
    keys(this.#view, () => void inputsRegion.run())
    signal.addEventListener("abort", () => this.#clear(), { once: true })
    this.#draw(new Set(this.#regions.flatMap((region) => region.follows)))
    void this.#view.ask("status", "hello", { version: 1 })
  }

  /** Regions that nothing happened to keep their descriptions, which `patch` passes over. */
  #draw(dirty: Set<RegionName>): void {
    const { phase } = this.#view.state("load")
    const label = `Carton panel: ${this.#view.state("card").title}`
    if (this.root.getAttribute("aria-label") !== label) this.root.setAttribute("aria-label", label)
    const drawn = (region: Region) => {
      if (!this.#drawn.has(region) || region.follows.some((name) => dirty.has(name))) this.#drawn.set(region, region.draw())
      return this.#drawn.get(region)
    }
    const shown = phase === "loaded" ? this.#regions : this.#regions.slice(0, 1)
    for (const region of this.#regions.slice(shown.length)) this.#drawn.delete(region)
    const [first, strip, left, right, ...rest] = shown.map(drawn)
    const pair = left && right && h("div", { key: "pair", class: "cp-pair" }, left, right)
    this.#show([h("div", { class: classes("cp-frame", `cp-is-${phase}`) }, first, strip, pair, ...rest)])
  }

  /** The panel keeps the focus when what had it goes, the Load button say. */
  #show(children: VNode[]): void {
    const inside = this.#view.focused() !== null
    patch(this.root, this.#children, children)
    this.#children = children
    if (inside && !this.#view.focused()) this.root.focus({ preventScroll: true })
  }

  #clear(): void {
    this.#show([])
    this.root.remove()
  }
}

function render({ model, el, signal }: Given): () => void {
  const control = new AbortController()
  const abort = () => control.abort()
  signal?.addEventListener("abort", abort, { once: true, signal: control.signal })
  const root = document.createElement("div")
  root.className = "carton-panel"
  root.setAttribute("role", "group")
  root.tabIndex = -1
  el.append(root)
  new Panel(root, model, control.signal)
  return abort
}

export default { render }
