// A model as anywidget gives one, with no kernel behind it.
import fixture from "../fixtures/panel.json"
import type { Model } from "../src/connection"
import panel from "../src/panel"
import type { PanelState, Trait } from "../src/state"

// The annotation is a test: tsc fails when the shared fixture is no state of the panel.
export const FIXTURE = fixture as unknown as PanelState

export interface Sent { id: string; do: string; buffers: ArrayBuffer[]; [field: string]: unknown }
type Listener = (...args: never[]) => void

export class FakeModel {
  sent: Sent[] = []
  readonly listeners: [string, Listener][] = []
  readonly state: PanelState = structuredClone(FIXTURE)

  get<T extends Trait>(trait: T): PanelState[T] {
    return this.state[trait]
  }
  on(event: string, listener: Listener): void {
    this.listeners.push([event, listener])
  }
  off(event: string, listener: Listener): void {
    const at = this.listeners.findIndex(([name, each]) => name === event && each === listener)
    if (at >= 0) this.listeners.splice(at, 1)
  }
  send(content: Omit<Sent, "buffers">, _callbacks?: unknown, buffers: ArrayBuffer[] = []): void {
    this.sent.push({ ...content, buffers } as Sent)
  }

  /** Python changes a trait. */
  put<T extends Trait>(trait: T, change: Partial<PanelState[T]>): void {
    this.state[trait] = { ...this.state[trait], ...change }
    this.#tell(`change:${trait}`)
  }
  /** Python sends a message. */
  message(content: object, ...buffers: Uint8Array[]): void {
    this.#tell("msg:custom", content, buffers.map((bytes) => new DataView(bytes.buffer)))
  }
  asked(name: string): Sent[] {
    return this.sent.filter((request) => request.do === name)
  }
  /** Answers the last request of that name. */
  answer(name: string, ok: object = {}, ...buffers: Uint8Array[]): void {
    this.message({ id: this.asked(name).at(-1)?.id, ok }, ...buffers)
  }
  refuse(name: string, message: string): void {
    this.message({ id: this.asked(name).at(-1)?.id, error: { title: "Refused", message, hint: "", details: "" } })
  }
  #tell(event: string, ...args: unknown[]): void {
    for (const [name, listener] of [...this.listeners]) if (name === event) listener(...(args as never[]))
  }
}

export interface Shown { model: FakeModel; el: HTMLElement; root: HTMLElement; close: () => void }

export function show(model = new FakeModel()): Shown {
  const el = document.createElement("div")
  document.body.append(el)
  const close = panel.render({ model: model as unknown as Model as never, el })
  return { model, el, root: el.firstElementChild as HTMLElement, close }
}

export function frame(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => resolve()))
}

/** Promises that are settled have had their turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  await frame()
}

export function byName(root: ParentNode, role: string, name: string): HTMLElement {
  const selector = { button: "button", region: "[role=region]", textbox: "input, textarea", group: "[role=group]", file: "input[type=file]", select: "select" }[role] ?? role
  const found = [...root.querySelectorAll<HTMLElement>(selector)].find((element) => nameOf(root, element) === name)
  if (!found) throw new Error(`no ${role} is named ${name}`)
  return found
}

function nameOf(root: ParentNode, element: HTMLElement): string {
  const label = element.id && root.querySelector(`label[for="${element.id}"]`)
  return (element.getAttribute("aria-label") ?? (label || element).textContent ?? "").trim()
}

export function type(element: HTMLElement, value: string): void {
  (element as HTMLInputElement).value = value
  element.dispatchEvent(new Event("input", { bubbles: true }))
}

export function press(element: HTMLElement, key: string, more: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, composed: true, ...more })
  element.dispatchEvent(event)
  return event
}
