import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import type { Model } from "../src/connection"
import panel from "../src/panel"
import { byName, FakeModel, show, type } from "./fake"
import { field, output, picture } from "./state"

const open = new Set<string>()

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "requestAnimationFrame", "cancelAnimationFrame"] })
  open.clear()
  vi.spyOn(URL, "createObjectURL").mockImplementation(() => { const url = `blob:${open.size}`; open.add(url); return url })
  vi.spyOn(URL, "revokeObjectURL").mockImplementation((url) => void open.delete(url))
})
afterEach(() => vi.useRealTimers())

/** A view with everything that could be left: a clock, a typed draft, waiting requests, pictures, a saved file, an open list. */
async function busy(model: FakeModel): Promise<ReturnType<typeof show>> {
  const shown = show(model)
  model.message({ event: "blob", blob: "here", mime: "image/png" }, new Uint8Array(3))
  model.put("inputs", { fields: [field("gain"), field("picture", { editor: "image" })], can_run: true })
  model.put("outputs", { items: [output("a", picture("here")), output("b", picture("elsewhere"))], expected: [] })
  model.put("run", { phase: "running", id: 4, status: "running" })
  vi.advanceTimersToNextFrame()
  type(byName(shown.root, "textbox", "gain"), "3")
  byName(shown.root, "button", "Use a variable for gain").click()
  byName(shown.root, "button", "Save a as .npy").click()
  model.answer("save", { name: "a.npy", mime: "x/y", size: 3 }, new Uint8Array(3))
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
  return shown
}

describe("a view that is closed", () => {
  test("leaves no listener, timer, frame or address behind", async () => {
    const added = new Map<string, number>()
    const count = (target: EventTarget) => {
      vi.spyOn(target, "addEventListener").mockImplementation((name, _listener, options) => {
        const signal = typeof options === "object" ? options.signal : undefined
        added.set(name, (added.get(name) ?? 0) + 1)
        signal?.addEventListener("abort", () => added.set(name, (added.get(name) ?? 0) - 1))
      })
    }
    ;[window, document, document.body].forEach(count)
    const model = new FakeModel()
    const shown = await busy(model)
    expect([model.listeners.length > 0, vi.getTimerCount() > 0, open.size]).toEqual([true, true, 2])
    expect([...added.values()].some(Boolean)).toBe(true)
    shown.close()
    expect(model.listeners).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
    expect([...open]).toEqual([])
    expect([...added.values()].every((left) => left === 0)).toBe(true)
    expect(shown.el.childNodes).toHaveLength(0)
  })

  test("sends and draws nothing any more", async () => {
    const model = new FakeModel()
    const shown = await busy(model)
    const [run, gain] = [byName(shown.root, "button", "Stop"), byName(shown.root, "textbox", "gain")]
    shown.close()
    const sent = model.sent.length
    run.click()
    type(gain, "4")
    model.put("kernel", { memory: "1 MB" })
    vi.advanceTimersByTime(10_000)
    expect(model.sent).toHaveLength(sent)
    expect(shown.root.childNodes).toHaveLength(0)
  })

  test("is closed by anywidget's signal too", async () => {
    const [model, control, el] = [new FakeModel(), new AbortController(), document.createElement("div")]
    panel.render({ model: model as unknown as Model as never, el, signal: control.signal })
    control.abort()
    expect(model.listeners).toEqual([])
    expect(el.childNodes).toHaveLength(0)
  })

  test("takes no other view with it", async () => {
    const model = new FakeModel()
    const [one, other] = [show(model), show(model)]
    one.close()
    model.put("kernel", { memory: "77 MB" })
    vi.advanceTimersToNextFrame()
    expect(other.root.textContent).toContain("77 MB")
    other.close()
  })
})
