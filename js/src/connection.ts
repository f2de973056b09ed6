// Requests to Python and their answers, over the widget's custom messages.
import type { AnyModel } from "@anywidget/types"
import type { ErrorView, PanelState, Request, Requests } from "./state"

/** All that the panel may do with the model: it never sets a trait. */
export type Model = Pick<AnyModel<PanelState>, "get" | "on" | "off" | "send">
export const ACKNOWLEDGE_MS = 5000
export const SILENCE = "The notebook's kernel does not answer: it is busy, restarted or gone. Run the cell again."

export interface Reply<R extends Request> { ok: Requests[R]["ok"]; buffers: DataView[] }
interface Pending { resolve: (reply: Reply<never>) => void; reject: (failure: Refused) => void; timer: ReturnType<typeof setTimeout> | undefined }
interface Message { id?: string; ack?: true; ok?: unknown; error?: ErrorView; event?: string; [field: string]: unknown }

/** Python said no; `view` says why. */
export class Refused extends Error {
  constructor(readonly view: ErrorView) {
    super(view.message || view.title)
  }
}

export class Connection {
  /** Python has not acknowledged a request in time, nor said anything since. */
  silent = false
  readonly #model: Model
  readonly #changed: () => void
  readonly #pending = new Map<string, Pending>()
  readonly #listeners = new Set<(message: Message, buffers: DataView[]) => void>()
  // Every view of a model hears every answer: the prefix tells ours from theirs.
  readonly #prefix = Math.random().toString(36).slice(2, 10)
  #count = 0

  /** `changed` is called when Python falls silent or is heard again. */
  constructor(model: Model, signal: AbortSignal, changed: () => void) {
    this.#model = model
    this.#changed = changed
    const hear = (message: Message, buffers: DataView[]) => this.#hear(message, buffers ?? [])
    model.on("msg:custom", hear)
    signal.addEventListener("abort", () => {
      model.off("msg:custom", hear)
      for (const { timer } of this.#pending.values()) clearTimeout(timer)
      this.#pending.clear()
      this.#listeners.clear()
    }, { once: true })
  }

  /** Rejects with `Refused`. Never settles when nothing answers: `silent` says so. */
  ask<R extends Request>(name: R, fields: Requests[R]["send"], buffers: ArrayBuffer[] = []): Promise<Reply<R>> {
    const id = `${this.#prefix}-${++this.#count}`
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#silence(true), ACKNOWLEDGE_MS)
      this.#pending.set(id, { resolve: resolve as Pending["resolve"], reject, timer })
      try {
        this.#model.send({ ...fields, id, do: name }, undefined, buffers)
      } catch { // the kernel was restarted or is gone, and the comm with it
        clearTimeout(timer)
        this.#pending.delete(id)
        this.#silence(true)
      }
    })
  }

  /** Hears what Python says unasked. */
  onEvent(listener: (message: Message, buffers: DataView[]) => void): void {
    this.#listeners.add(listener)
  }

  #hear(message: Message, buffers: DataView[]): void {
    if (message.event) this.#listeners.forEach((listener) => listener(message, buffers))
    if (message.id !== undefined) this.#silence(false) // an answer to another view is one too
    const pending = this.#pending.get(message.id ?? "")
    if (!pending) return
    clearTimeout(pending.timer)
    if (message.ack) return
    this.#pending.delete(message.id ?? "")
    if (message.error) pending.reject(new Refused(message.error))
    else pending.resolve({ ok: message.ok as never, buffers })
  }

  #silence(silent: boolean): void {
    if (this.silent === silent) return
    this.silent = silent
    this.#changed()
  }
}
