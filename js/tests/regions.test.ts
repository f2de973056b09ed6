import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { byName, frame, press, settled, show, type, type Shown } from "./fake"
import { failure, field, output, picture, value } from "./state"

let shown: Shown
beforeEach(() => {
  shown = show()
})
afterEach(() => shown.close())

const region = (name: string) => byName(shown.root, "region", name)
const button = (name: string) => byName(shown.root, "button", name)
const disabled = (name: string) => button(name).getAttribute("aria-disabled") === "true"
const bytes = (text: string) => new TextEncoder().encode(text)

describe("the card", () => {
  test("loads, shows progress, and what went wrong", async () => {
    shown.model.put("load", { phase: "card", hint: "downloads 417 MB" })
    await frame()
    expect(region("Model card").textContent).toContain("downloads 417 MB")
    button("Load").click()
    expect(shown.model.asked("load")).toHaveLength(1)
    shown.model.put("load", { phase: "loading", status: "160 of 417 MB", fraction: 0.38 })
    await frame()
    expect(disabled("Load")).toBe(true)
    expect(shown.root.querySelector("[role=progressbar]")!.getAttribute("aria-valuenow")).toBe("38")
    expect(shown.root.querySelector("[role=status]")!.textContent).toBe("160 of 417 MB")
    shown.model.put("load", { phase: "failed", status: "", error: failure })
    await frame()
    expect(shown.root.querySelector("[role=alert]")!.textContent).toContain(failure.title)
    expect(disabled("Load")).toBe(false)
  })

  test("gives up loading when asked to", async () => {
    shown.model.put("load", { phase: "loading", status: "160 of 417 MB", fraction: 0.38 })
    await frame()
    button("Stop loading").click()
    expect(shown.model.asked("stop")).toHaveLength(1)
    shown.model.put("load", { phase: "card", status: "", fraction: null })
    await frame()
    expect(() => button("Stop loading")).toThrow()
  })

  test("drops from a description what could run", async () => {
    shown.model.put("card", { description_html: '<p onclick="x()">Hi <a href="javascript:x()">there</a><a href="https://a.example/">link</a></p><script>x()</script><img src="data:image/png;base64,AA" onerror="x()"><iframe src="https://a.example"></iframe>' })
    await frame()
    button("About ▾").click()
    await frame()
    const prose = shown.root.querySelector(".cp-prose")!
    expect(prose.innerHTML).toBe('<p>Hi <a target="_blank" rel="noopener noreferrer">there</a><a href="https://a.example/" target="_blank" rel="noopener noreferrer">link</a></p><img src="data:image/png;base64,AA">')
  })

  test("links only to what is an address of the web", async () => {
    shown.model.put("card", { links: [{ name: "good", description: "https://a.example" }, { name: "bad", description: "javascript:x()" }] })
    await frame()
    button("About ▾").click()
    await frame()
    expect([...shown.root.querySelectorAll("dd a")].map((link) => link.getAttribute("href"))).toEqual(["https://a.example", null])
  })
})

describe("running", () => {
  beforeEach(async () => {
    shown.model.put("run", { phase: "idle", id: 0, status: "", elapsed: null, error: null })
    shown.model.put("inputs", { fields: [field("gain", { value: value(2) })], can_run: true })
    await frame()
  })

  test("takes along an input of any name", async () => {
    shown.model.put("inputs", { fields: [field("__proto__", { value: value(2) })], can_run: true })
    await frame()
    type(byName(shown.root, "textbox", "__proto__"), "7")
    button("Run").click()
    expect(JSON.stringify(shown.model.asked("run")[0]!["values"])).toBe('{"__proto__":7}')
  })

  test("takes along what is typed and not sent", async () => {
    type(byName(shown.root, "textbox", "gain"), "7")
    button("Run").click()
    expect(shown.model.asked("run")).toMatchObject([{ values: { gain: 7 } }])
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(shown.model.asked("set")).toEqual([])
  })

  test("starts by Ctrl+Enter from within, and the notebook does not hear of it", () => {
    const heard = vi.fn()
    document.body.addEventListener("keydown", heard)
    const event = press(byName(shown.root, "textbox", "gain"), "Enter", { ctrlKey: true })
    expect(shown.model.asked("run")).toHaveLength(1)
    expect(event.defaultPrevented).toBe(true)
    expect(heard).not.toHaveBeenCalled()
    document.body.removeEventListener("keydown", heard)
  })

  test("keeps keys from a notebook's shortcuts, but not those with Ctrl", () => {
    const gain = byName(shown.root, "textbox", "gain")
    press(gain, "x")
    expect(shown.root.hasAttribute("data-lm-suppress-shortcuts")).toBe(true)
    press(gain, "s", { ctrlKey: true })
    expect(shown.root.hasAttribute("data-lm-suppress-shortcuts")).toBe(false)
  })

  test("waits for inputs that fit", async () => {
    shown.model.put("inputs", { can_run: false })
    await frame()
    expect(disabled("Run")).toBe(true)
    button("Run").click()
    press(shown.root, "Enter", { ctrlKey: true })
    expect(shown.model.asked("run")).toEqual([])
  })

  test("can be stopped, and not be started twice", async () => {
    expect(disabled("Stop")).toBe(true)
    shown.model.put("run", { phase: "running", id: 1, status: "running" })
    await frame()
    expect([disabled("Run"), disabled("Stop")]).toEqual([true, false])
    button("Stop").click()
    expect(shown.model.asked("stop")).toHaveLength(1)
    shown.model.put("run", { phase: "stopping" })
    await frame()
    expect(disabled("Stop")).toBe(true)
  })

  test("shows the time that passes beside the live region, not in it", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] })
    shown.model.put("run", { phase: "running", id: 1, status: "running", started: Date.now() / 1000 - 900 })
    await frame()
    vi.advanceTimersByTime(1800)
    expect(shown.root.querySelector(".cp-elapsed")!.textContent).toBe("1.8 s")
    expect(shown.root.querySelector("[role=status]")!.textContent).toBe("running")
    shown.model.put("run", { phase: "done", status: "done", elapsed: 1.8 })
    await frame()
    expect(vi.getTimerCount()).toBe(0)
    expect(shown.root.querySelector(".cp-status")!.textContent).toBe("done1.8 s")
    vi.useRealTimers()
  })

  test("that was under way when the page was loaded counts from its start", () => {
    shown.model.put("run", { phase: "running", id: 1, started: Date.now() / 1000 - 125.5 })
    const other = show(shown.model)
    expect(other.root.querySelector(".cp-elapsed")!.textContent).toBe("2 min 5 s")
    other.close()
  })

  test("that is refused says why, until there is another run", async () => {
    button("Run").click()
    shown.model.refuse("run", "gain is missing")
    await settled()
    expect(region("Outputs").textContent).toContain("gain is missing")
    shown.model.put("run", { phase: "done", id: 1 })
    await frame()
    expect(region("Outputs").textContent).not.toContain("gain is missing")
  })
})

describe("outputs", () => {
  const scores = { kind: "scores" as const, bars: [], more: "" }

  test("stand beside what the example says", async () => {
    shown.model.put("outputs", { example: "ones", items: [output("a", scores), output("b", scores)], expected: [output("b", scores, { which: "expected" })] })
    await frame()
    const groups = [...region("Outputs").querySelectorAll(".cp-output")]
    expect(groups.map((group) => [...group.querySelectorAll(".cp-side")].map((side) => side.textContent))).toEqual([["actual"], ["actual", "expected"]])
  })

  test("of a run before one that failed say so", async () => {
    shown.model.put("outputs", { run: 3, example: "", items: [output("a", scores)], expected: [] })
    shown.model.put("run", { phase: "done", id: 3 })
    await frame()
    expect(region("Outputs").textContent).not.toContain("before")
    shown.model.put("run", { phase: "failed", id: 4, error: failure })
    await frame()
    expect(region("Outputs").textContent).toContain("What follows came out of run 3, before.")
  })

  test("can be shown as something else", async () => {
    shown.model.put("outputs", { items: [output("a", scores)], expected: [] })
    await frame()
    const chooser = byName(shown.root, "select", "Show a as") as HTMLSelectElement
    expect(chooser.value).toBe("scores")
    chooser.value = "statistics"
    chooser.dispatchEvent(new Event("change"))
    expect(shown.model.asked("show")).toMatchObject([{ output: "a", which: "actual", kind: "statistics" }])
  })

  test("are saved under the name that Python gives", async () => {
    const clicked: string[] = []
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) { clicked.push(`${this.download} ${this.href.slice(0, 5)}`) })
    shown.model.put("outputs", { items: [output("a", picture("k"), { saves: ["png"] })], expected: [] })
    await frame()
    button("Save a as .png").click()
    expect(shown.model.asked("save")).toMatchObject([{ output: "a", which: "actual", format: "png" }])
    shown.model.answer("save", { name: "a.png", mime: "image/png", size: 3 }, bytes("png"))
    await settled()
    expect(clicked).toEqual(["a.png blob:"])
  })

  test("are copied as code, which is shown folded", async () => {
    const write = vi.fn(() => Promise.resolve())
    vi.stubGlobal("navigator", { clipboard: { writeText: write } })
    shown.model.put("outputs", { run: 5, items: [output("a", scores)], expected: [] })
    await frame()
    button("Copy as code").click()
    expect(shown.model.asked("code")).toMatchObject([{ run: 5 }])
    shown.model.answer("code", { code: "import carton" })
    await settled()
    expect(write).toHaveBeenCalledWith("import carton")
    const fold = region("Outputs").querySelector<HTMLDetailsElement>(".cp-copied")!
    expect([fold.open, fold.querySelector("pre")!.textContent]).toEqual([false, "import carton"])
    vi.unstubAllGlobals()
  })

  test("are copied the old way where the clipboard is closed", async () => {
    vi.stubGlobal("navigator", {})
    const command = vi.fn(() => true)
    Object.assign(document, { execCommand: command })
    button("Copy as code").click()
    shown.model.answer("code", { code: "import carton" })
    await settled()
    expect(command).toHaveBeenCalledWith("copy")
    expect(shown.root.querySelector(".cp-copied summary")!.textContent).toContain("copied")
    vi.unstubAllGlobals()
  })
})

describe("the other regions", () => {
  test("examples fill the inputs, and the chosen one is marked", async () => {
    shown.model.put("examples", { items: [{ name: "twice", description: "", inputs: [], preview: null, has_outputs: true }, { name: "half", description: "", inputs: [], preview: picture("e"), has_outputs: false }] })
    shown.model.put("outputs", { example: "half" })
    await frame()
    button("twice").click()
    expect(shown.model.asked("example")).toMatchObject([{ index: 0 }])
    expect(button("half").getAttribute("aria-current")).toBe("true")
    expect(region("Examples").textContent).toContain("the first 1 of 2 examples")
  })

  test("self tests run and tell the verdict", async () => {
    button("Run self tests").click()
    expect(shown.model.asked("test")).toHaveLength(1)
    const row = { test: "a", output: "out", passed: false, error: "0.3", tolerance: "1e-05", time: "1 ms", message: "0.5 instead of 0.2" }
    shown.model.put("tests", { phase: "done", passed: 1, total: 2, rows: [row, { ...row, passed: true, message: "" }] })
    await frame()
    expect(region("Self tests").textContent).toContain("1 of 2 pass")
    expect(region("Self tests").textContent).toContain("0.5 instead of 0.2")
    expect([...region("Self tests").querySelectorAll("td:first-child")].map((cell) => cell.textContent)).toEqual(["✗ fails: a", "0.5 instead of 0.2", "✓ passes: a"])
  })

  test("self tests are stopped when asked to", async () => {
    expect(() => button("Stop the self tests")).toThrow()
    shown.model.put("tests", { phase: "running" })
    await frame()
    button("Stop the self tests").click()
    expect(shown.model.asked("stop")).toHaveLength(1)
  })

  test("the kernel strip restarts, unloads and shows the log", async () => {
    button("Unload").click()
    expect(shown.model.asked("unload")).toHaveLength(1)
    button("Logs").click()
    shown.model.answer("logs", { lines: ["one", "two"] })
    await settled()
    expect(region("Kernel").querySelector("pre")!.textContent).toBe("one\ntwo")
    button("Logs").click()
    await settled()
    expect(region("Kernel").querySelector("pre")).toBeNull()
  })

  test("history replays and copies a run", async () => {
    shown.model.put("history", { items: [{ id: 7, time: "12:00", inputs: "gain 2", outcome: "stopped", status: "stopped" }], total: 30 })
    await frame()
    button("Replay").click()
    button("Copy run 7 as code").click()
    expect([shown.model.asked("replay")[0]!["run"], shown.model.asked("code")[0]!["run"]]).toEqual([7, 7])
    expect(region("History").textContent).toContain("the last 1 of 30 runs")
  })
})
