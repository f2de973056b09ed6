import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { PAUSE_MS } from "../src/drafts"
import type { Field } from "../src/state"
import { byName, frame, press, settled, show, type, type Shown } from "./fake"
import { field, picture, value } from "./state"

let shown: Shown
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
  shown = show()
})
afterEach(() => {
  shown.close()
  vi.useRealTimers()
})

async function fields(...all: Field[]): Promise<void> {
  shown.model.put("inputs", { fields: all, can_run: true })
  await frame()
}
const box = (name: string) => byName(shown.root, "textbox", name) as HTMLInputElement
const pause = async () => {
  vi.advanceTimersByTime(PAUSE_MS)
  await settled()
}
const values = () => shown.model.asked("set").map((request) => request["value"])

describe("a number", () => {
  test("is sent when typing pauses, once", async () => {
    await fields(field("gain"))
    for (const text of ["1", "1.", "1.5"]) type(box("gain"), text)
    vi.advanceTimersByTime(PAUSE_MS - 1)
    expect(values()).toEqual([])
    await pause()
    expect(shown.model.asked("set")).toMatchObject([{ field: "gain", value: 1.5 }])
  })

  test.each([
    ["float32", "1e-3", 0.001], ["float64", "nan", "nan"], ["float32", "-inf", "-inf"], ["int64", "-7", -7], ["uint64", "18446744073709551615", "18446744073709551615"],
  ])("of dtype %s is read from %s", async (dtype, text, expected) => {
    await fields(field("gain", { dtype }))
    type(box("gain"), text)
    await pause()
    expect(values()).toEqual([expected])
  })

  test.each([["float32", "abc"], ["int32", "1.5"], ["float32", "0x10"]])("of dtype %s is not %s: it is marked, and clears the value", async (dtype, text) => {
    await fields(field("gain", { dtype, value: value(2) }))
    type(box("gain"), text)
    await pause()
    expect(values()).toEqual([])
    expect(shown.model.asked("clear")).toMatchObject([{ field: "gain" }])
    expect(box("gain").getAttribute("aria-invalid")).toBe("true")
    expect(document.getElementById(box("gain").getAttribute("aria-describedby")!)!.textContent).toContain(`“${text}” is not a`)
    expect(byName(shown.root, "button", "Run").getAttribute("aria-disabled")).toBe("true")
  })

  test("that was typed before a click comes before what is clicked on", async () => {
    await fields(field("gain"))
    type(box("gain"), "2")
    byName(shown.root, "button", "Replay").click()
    await pause()
    const names = shown.model.sent.map((request) => request.do).filter((name) => name !== "hello")
    expect(names).toEqual(["set", "replay"])
  })

  test("can be run while Python has not answered yet", async () => {
    shown.model.put("inputs", { fields: [field("gain")], can_run: false })
    await frame()
    type(box("gain"), "2")
    vi.advanceTimersByTime(PAUSE_MS)
    await frame()
    byName(shown.root, "button", "Run").click()
    expect(shown.model.asked("run")).toMatchObject([{ values: { gain: 2 } }])
  })

  test("steps by arrows", async () => {
    await fields(field("gain", { value: value(2) }))
    press(box("gain"), "ArrowUp")
    await frame()
    expect(box("gain").value).toBe("3")
    press(box("gain"), "ArrowDown", { shiftKey: true })
    await frame()
    expect(box("gain").value).toBe("-7")
  })

  test("of float32 shows the digits that it has", async () => {
    await fields(field("gain", { value: value(0.10000000149011612) }), field("exact", { dtype: "float64", value: value(0.1234567890123) }))
    expect([box("gain").value, box("exact").value]).toEqual(["0.1", "0.1234567890123"])
  })

  test("is replaced when Python changed it, even while it has the focus", async () => {
    await fields(field("gain", { value: value(2) }))
    box("gain").focus()
    type(box("gain"), "9")
    await fields(field("gain", { revision: 2, value: value(5, { source: "example" }) }))
    expect(box("gain").value).toBe("5")
    await pause()
    expect(values()).toEqual([])
  })

  test("is not replaced by an older value that is still on its way", async () => {
    await fields(field("gain", { value: value(2) }))
    type(box("gain"), "9")
    await pause()
    shown.model.answer("set")
    await settled()
    expect(box("gain").value).toBe("9")
    await fields(field("gain", { value: value(9) }))
    await fields(field("gain", { value: value(2) })) // typed in another view
    expect(box("gain").value).toBe("2")
  })

  test("that another view changed by a little is changed here too", async () => {
    await fields(field("count", { dtype: "int64", value: value(1_000_000) }))
    await fields(field("count", { dtype: "int64", value: value(1_000_001) }))
    expect(box("count").value).toBe("1000001")
  })

  test("runs as it is seen, also when another view has said something else since", async () => {
    await fields(field("gain", { value: value(2) }))
    box("gain").focus()
    type(box("gain"), "9")
    await pause()
    shown.model.answer("set")
    await fields(field("gain", { value: value(9) }))
    await fields(field("gain", { value: value(3) }))
    expect(box("gain").value).toBe("9")
    press(box("gain"), "Enter", { ctrlKey: true })
    expect(shown.model.asked("run")).toMatchObject([{ values: { gain: 9 } }])
  })

  test("that Python refuses says why", async () => {
    await fields(field("gain"))
    type(box("gain"), "1e300")
    await pause()
    shown.model.refuse("set", "too large for float32")
    await settled()
    expect(shown.root.textContent).toContain("too large for float32")
  })
})

describe("a text", () => {
  test("is sent as it is", async () => {
    await fields(field("prompt", { editor: "text", dtype: "string" }))
    type(box("prompt"), " a poem\n")
    await pause()
    expect(values()).toEqual([" a poem\n"])
  })

  test("in a list has a row; Enter adds one and Backspace takes an empty one away", async () => {
    await fields(field("input", { editor: "texts", dtype: "string", shape: "[batch]", value: value(["one"]) }))
    box("input").focus()
    press(box("input"), "Enter")
    await frame()
    await frame()
    expect(document.activeElement).toBe(box("input, text 2"))
    type(box("input, text 2"), "two")
    await pause()
    expect(values()).toEqual([["one", "two"]])
    type(box("input, text 2"), "")
    await frame()
    press(box("input, text 2"), "Backspace")
    await pause()
    expect(values().at(-1)).toEqual(["one"])
  })

  test("is a list where a variable holds several, and one where it holds one", async () => {
    await fields(field("any", { editor: "text", dtype: "string", shape: "any shape", value: value(["a", "b"], { source: "variable" }) }),
      field("list", { editor: "texts", dtype: "string", shape: "[n]", value: value("c", { source: "variable" }) }))
    expect([box("any").value, box("any, text 2").value, box("list").value]).toEqual(["a", "b", "c"])
  })

  test("in a list of fixed length can not be added to", async () => {
    await fields(field("input", { editor: "texts", dtype: "string", shape: "[1]", value: value(["one"]) }))
    expect(() => byName(shown.root, "button", "Add a text to input")).toThrow()
  })
})

describe("a grid", () => {
  const matrix = field("matrix", { editor: "grid", shape: "[2, n]", value: value([[1, 2], [3, 4]]) })

  test("has a cell for each number and sends them nested", async () => {
    await fields(matrix)
    type(box("matrix 1, 0"), "7")
    await pause()
    expect(values()).toEqual([[[1, 2], [7, 4]]])
  })

  test("of one axis is one row", async () => {
    await fields(field("x", { editor: "grid", dtype: "int32", shape: "[3]" }))
    ;["1", "2", "3"].forEach((text, at) => type(box(`x ${at}`), text))
    await pause()
    expect(values()).toEqual([[1, 2, 3]])
  })

  test("is not sent while cells are empty", async () => {
    await fields(field("x", { editor: "grid", shape: "[2]" }))
    type(box("x 0"), "1")
    await pause()
    expect(values()).toEqual([])
    expect(shown.root.textContent).toContain("some cells are empty")
  })

  test("is walked by arrows, from the ends of the text sideways", async () => {
    await fields(matrix)
    box("matrix 0, 0").focus()
    press(box("matrix 0, 0"), "ArrowDown")
    expect(document.activeElement).toBe(box("matrix 1, 0"))
    press(box("matrix 1, 0"), "ArrowRight")
    expect(document.activeElement).toBe(box("matrix 1, 1"))
    press(box("matrix 1, 1"), "ArrowRight")
    expect(document.activeElement).toBe(box("matrix 1, 1"))
    box("matrix 1, 1").setSelectionRange(1, 1)
    press(box("matrix 1, 1"), "ArrowLeft")
    expect(document.activeElement).toBe(box("matrix 1, 1"))
  })

  test("grows along the axes that may", async () => {
    await fields(matrix)
    byName(shown.root, "button", "Add a column to matrix").click()
    await frame()
    type(box("matrix 0, 2"), "8")
    type(box("matrix 1, 2"), "9")
    await pause()
    expect(values().at(-1)).toEqual([[1, 2, 8], [3, 4, 9]])
    expect(() => byName(shown.root, "button", "Add a row to matrix")).toThrow()
  })

  test("takes a pasted table", async () => {
    await fields(matrix)
    const event = Object.assign(new Event("paste", { bubbles: true, cancelable: true }), { clipboardData: { files: [], getData: () => "5\t6\n7\t8\n" } })
    box("matrix 0, 0").dispatchEvent(event)
    await pause()
    expect(values()).toEqual([[[5, 6], [7, 8]]])
  })
})

describe("a pasted table", () => {
  const paste = async (into: string, text: string) => {
    box(into).dispatchEvent(Object.assign(new Event("paste", { bubbles: true, cancelable: true }), { clipboardData: { files: [], getData: () => text } }))
    await pause()
    return values().at(-1)
  }

  test("makes room for itself along the axes that may grow", async () => {
    await fields(field("matrix", { editor: "grid", shape: "[n, m]", value: value([[1, 2]]) }))
    expect(await paste("matrix 0, 1", "5\t6\n7\t8\n")).toBeUndefined()
    expect(shown.root.textContent).toContain("some cells are empty")
    expect(await paste("matrix 0, 0", "1\t5\t6\n2\t7\t8\n")).toEqual([[1, 5, 6], [2, 7, 8]])
  })

  test("keeps the sizes that are fixed", async () => {
    await fields(field("matrix", { editor: "grid", shape: "[n, 2]", value: value([[1, 2]]) }))
    expect(await paste("matrix 0, 0", "1\t5\t6\n2\t7\t8\n")).toEqual([[1, 5], [2, 7]])
    await fields(field("row", { editor: "grid", shape: "[n]", value: value([1]) }))
    expect(await paste("row 0", "1\t5\t6\n2\t7\t8\n")).toEqual([1, 5, 6])
  })
})

describe("a value from elsewhere", () => {
  test("of no axes is shown in a grid too", async () => {
    await fields(field("x", { editor: "grid", shape: "any shape", value: value(3, { source: "variable" }) }))
    expect(box("x 0").value).toBe("3")
  })


  test("is shown with its picture, name and shape, and can be cleared", async () => {
    const large = value(null, { source: "file", label: "castle.png", dtype: "uint8", shape: "[96, 128, 3]", preview: picture("1:x:1") })
    await fields(field("picture", { editor: "image", dtype: "uint8", value: large }))
    const zone = byName(shown.root, "region", "Inputs").querySelector(".cp-drop")!
    expect(zone.textContent).toContain("castle.png [96, 128, 3]")
    expect(zone.querySelector("img")).toBeTruthy()
    byName(shown.root, "button", "Clear picture").click()
    expect(shown.model.asked("clear")).toMatchObject([{ field: "picture" }])
  })

  test("takes the place of an editor when it is too large to type, and gives it back", async () => {
    const large = value(null, { source: "variable", label: "variable x", shape: "[5000]" })
    await fields(field("x", { editor: "grid", shape: "[n]", value: large }))
    expect(shown.root.querySelector(".cp-drop")!.textContent).toContain("variable x")
    await fields(field("x", { editor: "grid", shape: "[n]" }))
    expect(box("x 0").value).toBe("")
  })

  test("that does not fit has its axis marked in both shapes", async () => {
    const problem = { axis: 0, text: "h is 96 in picture, 64 here" }
    await fields(field("mask", { editor: "image", shape: "[h, w]", problem, value: value(null, { label: "mask.npy", shape: "(64, 128)" }) }))
    expect([...shown.root.querySelectorAll("mark")].map((mark) => mark.textContent)).toEqual(["h", "64"])
    expect(shown.root.querySelector(".cp-problem")!.textContent).toBe("axis 0: h is 96 in picture, 64 here")
  })
})

describe("use a variable", () => {
  const opener = () => byName(shown.root, "button", "Use a variable for gain")
  const list = () => shown.root.querySelector<HTMLElement>(".cp-variables")
  async function open(): Promise<void> {
    await fields(field("gain"))
    opener().focus()
    opener().click()
    shown.model.answer("variables", { variables: [{ name: "big", text: "array (9,)", fits: false }, { name: "x", text: "2.0", fits: true }] })
    await settled()
  }

  test("lists the notebook's variables, those that fit first", async () => {
    await open()
    expect(opener().getAttribute("aria-expanded")).toBe("true")
    expect([...list()!.querySelectorAll("button b")].map((name) => name.textContent)).toEqual(["x", "big"])
  })

  test("is entered by the focus, which a screen reader follows", async () => {
    await open()
    await frame()
    expect(document.activeElement).toBe(list()!.querySelector("button"))
  })

  test("takes the one that is clicked and gives the focus back", async () => {
    await open()
    list()!.querySelector("button")!.click()
    await frame()
    expect(shown.model.asked("use")).toMatchObject([{ field: "gain", variable: "x" }])
    expect(list()).toBeNull()
    expect(document.activeElement).toBe(opener())
  })

  test("is closed by Escape, walked by arrows", async () => {
    await open()
    const [first, second] = [...list()!.querySelectorAll("button")]
    first!.focus()
    press(first!, "ArrowDown")
    expect(document.activeElement).toBe(second)
    press(second!, "Escape")
    await frame()
    expect(list()).toBeNull()
    expect(document.activeElement).toBe(opener())
  })
})
