import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { byName, frame, settled, show, type, type Shown } from "./fake"
import { field, output, value } from "./state"

let shown: Shown
beforeEach(() => {
  shown = show()
})
afterEach(() => shown.close())

const regions = (root: HTMLElement) => [...root.querySelectorAll("[role=region]")].map((region) => region.getAttribute("aria-label"))

describe("the panel", () => {
  test("has its regions in order, a name and one live region", () => {
    expect(regions(shown.root)).toEqual(["Model card", "Kernel", "Inputs", "Outputs", "Examples", "Self tests", "History"])
    expect(shown.root.getAttribute("aria-label")).toBe(`Carton panel: ${shown.model.get("card").title}`)
    expect(shown.root.querySelectorAll("[role=status]")).toHaveLength(1)
  })

  test.each(["card", "loading", "failed", "unloaded"] as const)("is only a card when the model is %s", async (phase) => {
    shown.model.put("load", { phase })
    await frame()
    expect(regions(shown.root)).toEqual(["Model card"])
    expect(byName(shown.root, "button", "Load")).toBeTruthy()
  })

  test("shows what changed while it was a card", async () => {
    shown.model.put("load", { phase: "unloaded" })
    await frame()
    shown.model.put("kernel", { about: "another process" })
    await frame()
    shown.model.put("load", { phase: "loaded" })
    await frame()
    expect(byName(shown.root, "region", "Kernel").textContent).toContain("another process")
  })

  test("says so where a carton names no inputs", async () => {
    expect(byName(shown.root, "region", "Inputs").textContent).not.toContain("names no inputs")
    shown.model.put("inputs", { fields: [], symbols: [], can_run: true })
    await frame()
    expect(byName(shown.root, "region", "Inputs").textContent).toContain("names no inputs")
  })

  test("has no regions for what the carton has not", async () => {
    shown.model.put("examples", { items: [] })
    shown.model.put("tests", { names: [] })
    shown.model.put("history", { items: [], total: 0 })
    await frame()
    expect(regions(shown.root)).toEqual(["Model card", "Kernel", "Inputs", "Outputs"])
    expect(shown.root.querySelectorAll(".cp-frame > *")).toHaveLength(3)
  })
})

describe("drawing", () => {
  test("happens once a frame, however many updates come", async () => {
    const frames = vi.spyOn(globalThis, "requestAnimationFrame")
    for (let at = 1; at <= 1000; at++) shown.model.put("run", { phase: "running", id: 9, items: at, status: `running · ${at} results` })
    expect(frames).toHaveBeenCalledTimes(1)
    await frame()
    expect(shown.root.querySelector("[role=status]")!.textContent).toBe("running · 1000 results")
  })

  test("touches only the region that changed", async () => {
    const changes: string[] = []
    const observer = new MutationObserver((records) => {
      for (const { target } of records) changes.push((target.parentElement?.closest("[role=region]") ?? (target as Element)).getAttribute("aria-label") ?? "")
    })
    observer.observe(shown.root, { subtree: true, childList: true, attributes: true, characterData: true })
    shown.model.put("kernel", { memory: "999 MB", state: "busy" })
    await frame()
    await settled()
    observer.disconnect()
    expect(new Set(changes)).toEqual(new Set(["Kernel"]))
  })

  test("keeps the focus and the caret of an editor while outputs stream in", async () => {
    const gain = byName(shown.root, "textbox", "gain") as HTMLInputElement
    gain.focus()
    type(gain, "12.5")
    gain.setSelectionRange(1, 2)
    shown.model.put("outputs", { items: [output("out", { kind: "value", text: "1", more: "" })] })
    shown.model.put("inputs", { symbols: [{ name: "n", value: "7" }] })
    await frame()
    expect(document.activeElement).toBe(gain)
    expect([gain.value, gain.selectionStart, gain.selectionEnd]).toEqual(["12.5", 1, 2])
  })

  test("keeps folds open and scrolled places", async () => {
    const error = { title: "It failed", message: "", hint: "", details: "Traceback" }
    shown.model.put("run", { phase: "failed", error })
    await frame()
    const fold = byName(shown.root, "region", "Outputs").querySelector("details")!
    const runs = shown.root.querySelector<HTMLElement>(".cp-runs")!
    fold.open = true
    runs.scrollTop = 40
    shown.model.put("run", { status: "failed after 1 s", error: { ...error } })
    shown.model.put("history", { items: [{ id: 99, time: "1", inputs: "x", outcome: "y", status: "done" }, ...shown.model.get("history").items], total: 3 })
    await frame()
    expect(fold.open && fold.isConnected).toBe(true)
    expect(shown.root.querySelector<HTMLElement>(".cp-runs")!.scrollTop).toBe(40)
  })

  test("keeps the focus in the panel when its button goes", async () => {
    shown.model.put("load", { phase: "card" })
    await frame()
    byName(shown.root, "button", "Load").focus()
    shown.model.put("load", { phase: "loaded" })
    await frame()
    expect(document.activeElement).toBe(shown.root)
  })
})

describe("two views of one model", () => {
  test("show the same, also what is typed in one", async () => {
    shown.model.put("inputs", { fields: [field("gain", { value: value(2) })] })
    const other = show(shown.model)
    await frame()
    const [mine, theirs] = [shown, other].map(({ root }) => byName(root, "textbox", "gain") as HTMLInputElement)
    mine!.focus()
    type(mine!, "3.50")
    await new Promise((resolve) => setTimeout(resolve, 160))
    shown.model.answer("set")
    shown.model.put("inputs", { fields: [field("gain", { value: value(3.5) })] })
    await settled()
    expect([mine!.value, theirs!.value]).toEqual(["3.50", "3.5"])
    other.close()
    shown.model.put("kernel", { about: "still here" })
    await frame()
    expect(shown.root.textContent).toContain("still here")
  })
})
