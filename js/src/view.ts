// One view of the panel: what regions share, and when they are drawn.
import { Blobs } from "./blobs"
import { Connection, Refused, type Model, type Reply } from "./connection"
import type { ErrorView, PanelState, Request, Requests, Trait } from "./state"

/** The parts that are drawn apart from each other. */
export type RegionName = Trait | "status"
export const TRAITS: readonly Trait[] = ["card", "load", "inputs", "run", "outputs", "examples", "tests", "kernel", "history"]

export class View {
  readonly connection: Connection
  readonly blobs: Blobs
  /** Makes ids of elements unique in the page, where other panels have modules of their own. */
  readonly uid = `cp-${Math.random().toString(36).slice(2, 10)}`
  readonly #dirty = new Set<RegionName>()
  readonly #failures = new Map<RegionName, ErrorView>()
  #frame = 0
  /** Sends what is typed and waits for a pause: it is older than what is asked for next. */
  flush: () => void = () => {}

  constructor(readonly root: HTMLElement, readonly model: Model, readonly signal: AbortSignal, readonly draw: (dirty: Set<RegionName>) => void) {
    this.connection = new Connection(model, signal, () => this.changed("status"))
    this.blobs = new Blobs(this.connection, signal)
    signal.addEventListener("abort", () => cancelAnimationFrame(this.#frame), { once: true })
    for (const trait of TRAITS) this.#follow(trait)
  }

  state<T extends Trait>(trait: T): PanelState[T] {
    return this.model.get(trait)
  }

  /** Draws a region in the next frame, once however often this is called. */
  changed(...regions: RegionName[]): void {
    if (this.signal.aborted) return
    for (const region of regions) this.#dirty.add(region)
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0
      const dirty = new Set(this.#dirty)
      this.#dirty.clear()
      this.draw(dirty)
    })
  }

  /** Asks, and shows a refusal in the region until it asks again. Resolves with null when refused. */
  async ask<R extends Request>(region: RegionName, name: R, fields: Requests[R]["send"]): Promise<Reply<R> | null> {
    this.fail(region, null)
    this.flush()
    try {
      return await this.connection.ask(name, fields)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.fail(region, error.view)
      return null
    }
  }

  fail(region: RegionName, error: ErrorView | null): void {
    if ((this.#failures.get(region) ?? null) === error) return
    if (error) this.#failures.set(region, error)
    else this.#failures.delete(region)
    this.changed(region)
  }

  failure(region: RegionName): ErrorView | null {
    return this.#failures.get(region) ?? null
  }

  /** What has the focus in this view, in a shadow tree too. */
  focused(): Element | null {
    const { activeElement } = this.root.getRootNode() as Document | ShadowRoot
    return this.root.contains(activeElement) ? activeElement : null
  }

  #follow(trait: Trait): void {
    const heard = () => this.changed(trait)
    this.model.on(`change:${trait}`, heard)
    this.signal.addEventListener("abort", () => this.model.off(`change:${trait}`, heard), { once: true })
  }
}
