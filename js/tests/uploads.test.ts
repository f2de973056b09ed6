import { afterEach, beforeEach, expect, test } from "vitest"
import { PIECE } from "../src/uploads"
import { byName, frame, settled, show, type Sent, type Shown } from "./fake"
import { field } from "./state"

let shown: Shown

beforeEach(async () => {
  shown = show()
  shown.model.put("inputs", { fields: [field("picture", { editor: "image" })], can_run: true })
  await frame()
})
afterEach(() => shown.close())

function give(size: number, name = "castle.png"): void {
  const file = new File([new Uint8Array(size)], name, { type: "image/png" })
  const input = byName(shown.root, "file", "File for picture") as HTMLInputElement
  Object.defineProperty(input, "files", { value: [file], configurable: true })
  input.dispatchEvent(new Event("change"))
}

async function sent(count: number): Promise<Sent[]> {
  for (let turn = 0; turn < 100 && shown.model.asked("upload").length < count; turn++) await settled()
  return shown.model.asked("upload")
}

test("a large file goes in pieces of 4 MiB, three at a time, each once", async () => {
  const size = 5 * PIECE + 10
  give(size)
  await sent(3)
  await settled()
  expect(shown.model.asked("upload")).toHaveLength(3)
  for (let at = 0; at < 6; at++) {
    const pieces = await sent(at + 1)
    shown.model.message({ id: pieces[at]!.id, ok: { received: 0 } })
  }
  const pieces = await sent(6)
  expect(pieces.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5].map((at) => at * PIECE))
  expect(pieces.map(({ buffers }) => buffers[0]!.byteLength)).toEqual([PIECE, PIECE, PIECE, PIECE, PIECE, 10])
  expect(new Set(pieces.map(({ upload }) => upload)).size).toBe(1)
  expect(pieces[0]).toMatchObject({ field: "picture", name: "castle.png", mime: "image/png", size })
  await settled()
  expect(shown.root.textContent).not.toContain("sending castle.png")
})

test("an empty file is one piece", async () => {
  give(0)
  const pieces = await sent(1)
  await settled()
  expect(pieces).toHaveLength(1)
  expect(pieces[0]).toMatchObject({ size: 0, offset: 0 })
})

test("how far it is, is told, and Run waits", async () => {
  give(2 * PIECE)
  const [first] = await sent(2)
  shown.model.message({ id: first!.id, ok: { received: PIECE } })
  await settled()
  expect(shown.root.textContent).toContain("sending castle.png · 50 %")
  expect(byName(shown.root, "button", "Run").getAttribute("aria-disabled")).toBe("true")
})

test("a refused piece ends the upload, and says why", async () => {
  give(9 * PIECE)
  const [first] = await sent(3)
  shown.model.message({ id: first!.id, error: { title: "Too large", message: "100 bytes at most", hint: "", details: "" } })
  await settled()
  await settled()
  expect(shown.root.textContent).toContain("100 bytes at most")
  expect(shown.root.textContent).not.toContain("sending castle.png")
  expect(shown.model.asked("upload")).toHaveLength(3)
})

test("a newer file takes the place of one on its way", async () => {
  give(9 * PIECE, "old.png")
  const old = await sent(3)
  give(1, "new.png")
  await sent(4)
  old.forEach(({ id }) => shown.model.message({ id, ok: { received: 0 } }))
  await settled()
  expect(shown.model.asked("upload").map(({ name }) => name)).toEqual(["old.png", "old.png", "old.png", "new.png"])
})

test("nothing is sent of a file that another replaces while it is read", async () => {
  give(1, "old.png")
  give(1, "new.png")
  await sent(1)
  await settled()
  expect(shown.model.asked("upload").map(({ name }) => name)).toEqual(["new.png"])
})

test("an upload can be cancelled", async () => {
  give(9 * PIECE)
  const pieces = await sent(3)
  await settled()
  byName(shown.root, "button", "Cancel the file for picture").click()
  pieces.forEach(({ id }) => shown.model.message({ id, ok: { received: 0 } }))
  await settled()
  expect(shown.model.asked("upload")).toHaveLength(3)
  expect(shown.root.textContent).not.toContain("sending")
})

test.each(["drop", "paste"])("a file is taken from a %s", async (name) => {
  const data = { files: [new File(["x"], "given.png")], types: ["Files"] }
  const event = Object.assign(new Event(name, { bubbles: true, cancelable: true }), { dataTransfer: data, clipboardData: data })
  shown.root.querySelector("[data-field=picture]")!.dispatchEvent(event)
  expect(event.defaultPrevented).toBe(true)
  expect((await sent(1)).map(({ name }) => name)).toEqual(["given.png"])
})

test("text that is dropped is the editor's own affair", () => {
  const event = new Event("drop", { bubbles: true, cancelable: true })
  Object.assign(event, { dataTransfer: { files: [], types: ["text/plain"] } })
  shown.root.querySelector("[data-field=picture]")!.dispatchEvent(event)
  expect(event.defaultPrevented).toBe(false)
})
