import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { GRACE_MS, KEPT } from "../src/blobs"
import { byName, frame, settled, show, type Shown } from "./fake"
import { output, picture } from "./state"

let shown: Shown
const bytes = (text: string) => new TextEncoder().encode(text)
const image = () => byName(shown.root, "region", "Outputs").querySelector("img")!

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
  shown = show()
  shown.model.put("examples", { items: [] })
  shown.model.put("inputs", { fields: [] })
  await frame()
  shown.model.sent.length = 0
})
afterEach(() => {
  shown.close()
  vi.useRealTimers()
})

async function put(key: string): Promise<void> {
  shown.model.put("outputs", { expected: [], items: [output("image", picture(key))] })
  await settled()
}

test("a picture pushed before its trait is shown at once and not asked for", async () => {
  shown.model.message({ event: "blob", blob: "7:image:1", mime: "image/png" }, bytes("png"))
  await put("7:image:1")
  vi.advanceTimersByTime(GRACE_MS)
  expect(image().src).toMatch(/^blob:/)
  expect(shown.model.asked("blob")).toEqual([])
})

test("a picture pushed right after its trait is not asked for either", async () => {
  await put("7:image:1")
  shown.model.message({ event: "blob", blob: "7:image:1", mime: "image/png" }, bytes("png"))
  vi.advanceTimersByTime(GRACE_MS)
  expect(image().src).toMatch(/^blob:/)
  expect(shown.model.asked("blob")).toEqual([])
})

test("one that does not come is asked for once", async () => {
  await put("7:image:1")
  vi.advanceTimersByTime(GRACE_MS)
  expect(shown.model.asked("blob")).toMatchObject([{ blob: "7:image:1" }])
  shown.model.answer("blob", { mime: "image/png" }, bytes("png"))
  await settled()
  expect(image().src).toMatch(/^blob:/)
})

test("the old picture stays until the new one has come, and its address is let go", async () => {
  const revoked = vi.spyOn(URL, "revokeObjectURL")
  shown.model.message({ event: "blob", blob: "a", mime: "image/png" }, bytes("a"))
  await put("a")
  const [element, old] = [image(), image().src]
  await put("b")
  expect(image()).toBe(element)
  expect(image().src).toBe(old)
  shown.model.message({ event: "blob", blob: "b", mime: "image/png" }, bytes("b"))
  expect(image().src).not.toBe(old)
  expect(revoked).toHaveBeenCalledWith(old)
})

test("the last 64 are kept", async () => {
  for (let at = 0; at <= KEPT; at++) shown.model.message({ event: "blob", blob: `${at}`, mime: "image/png" }, bytes("x"))
  await put("1")
  vi.advanceTimersByTime(GRACE_MS)
  expect(shown.model.asked("blob")).toEqual([])
  await put("0")
  vi.advanceTimersByTime(GRACE_MS)
  expect(shown.model.asked("blob")).toMatchObject([{ blob: "0" }])
})
