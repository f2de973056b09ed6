import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { ACKNOWLEDGE_MS, SILENCE } from "../src/connection"
import { byName, frame, settled, show, type Shown } from "./fake"
import { failure } from "./state"

let shown: Shown
const status = () => shown.root.querySelector("[role=status]")!.textContent

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] })
  shown = show()
})

afterEach(() => {
  shown.close()
  vi.useRealTimers()
})

describe("a view", () => {
  test("says hello when it is shown", () => {
    expect(shown.model.asked("hello")).toMatchObject([{ version: 1 }])
  })

  test("gives every request an id of its own, in every view", () => {
    const other = show(shown.model)
    byName(shown.root, "button", "Restart kernel").click()
    byName(other.root, "button", "Restart kernel").click()
    const ids = shown.model.sent.map(({ id }) => id)
    expect(ids).toHaveLength(4)
    expect(new Set(ids).size).toBe(4)
    other.close()
  })

  test("shows the refusal of a request where it was made, until the next", async () => {
    byName(shown.root, "button", "Restart kernel").click()
    shown.model.refuse("restart", "it is being unloaded")
    await settled()
    const strip = byName(shown.root, "region", "Kernel")
    expect(strip.textContent).toContain("it is being unloaded")
    byName(shown.root, "button", "Restart kernel").click()
    await frame()
    expect(strip.textContent).not.toContain("it is being unloaded")
  })

  test("hears nothing of what another view asked", async () => {
    const other = show(shown.model)
    byName(other.root, "button", "Logs").click()
    shown.model.answer("logs", { lines: ["a line"] })
    await settled()
    expect(other.root.textContent).toContain("a line")
    expect(shown.root.textContent).not.toContain("a line")
    other.close()
  })
})

describe("a kernel that does not answer", () => {
  test("is told of after five seconds", async () => {
    vi.advanceTimersByTime(ACKNOWLEDGE_MS - 1)
    await frame()
    expect(status()).not.toBe(SILENCE)
    vi.advanceTimersByTime(1)
    await frame()
    expect(status()).toBe(SILENCE)
  })

  test("is told of at once when nothing can be sent to it", async () => {
    vi.spyOn(shown.model, "send").mockImplementation(() => {
      throw new Error("Cannot send")
    })
    byName(shown.root, "button", "Restart kernel").click()
    await frame()
    expect(status()).toBe(SILENCE)
  })

  test("is told of in the card too", async () => {
    shown.model.put("load", { phase: "card" })
    await frame()
    vi.advanceTimersByTime(ACKNOWLEDGE_MS)
    await frame()
    expect(status()).toBe(SILENCE)
    expect(byName(shown.root, "button", "Load").getAttribute("aria-disabled")).toBeNull()
  })

  test("is not blamed for slow work that it has acknowledged", async () => {
    shown.model.message({ id: shown.model.asked("hello")[0]!.id, ack: true })
    vi.advanceTimersByTime(20 * ACKNOWLEDGE_MS)
    await frame()
    expect(status()).not.toBe(SILENCE)
  })

  test("is forgiven when it answers later", async () => {
    vi.advanceTimersByTime(ACKNOWLEDGE_MS)
    await frame()
    shown.model.answer("hello", { version: 1 })
    await settled()
    expect(status()).not.toBe(SILENCE)
  })

  test("keeps the error of a failed run folded", async () => {
    shown.model.put("run", { phase: "failed", error: failure })
    await frame()
    const outputs = byName(shown.root, "region", "Outputs")
    expect(outputs.querySelector("[role=alert]")!.textContent).toContain("The model raised ValueError")
    expect(outputs.querySelector("details")!.open).toBe(false)
    expect(outputs.querySelector("details pre")!.textContent).toBe("Traceback: line 3")
  })
})
