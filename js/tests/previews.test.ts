import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import type { Preview } from "../src/state"
import { byName, frame, show, type Shown } from "./fake"
import { output, picture } from "./state"

let shown: Shown
beforeEach(() => {
  shown = show()
})
afterEach(() => shown.close())

async function see(state: Preview): Promise<HTMLElement> {
  shown.model.put("outputs", { items: [output("out", state)], expected: [] })
  await frame()
  return byName(shown.root, "region", "Outputs").querySelector<HTMLElement>(".cp-preview")!
}
const texts = (element: ParentNode, selector: string) => [...element.querySelectorAll(selector)].map((each) => each.textContent)

describe("a preview", () => {
  test("of a value is its text", async () => {
    expect((await see({ kind: "value", text: "0.73", more: "" })).textContent).toBe("0.73")
  })

  test("of pictures says how many there are", async () => {
    const seen = await see(picture("b", { count: 64, more: "the first 9 of 64 pictures" }))
    expect(seen.querySelector("img")!.alt).toBe("out, image, 4 × 3")
    expect(seen.textContent).toBe("the first 9 of 64 pictures")
  })

  test("of a mask has a legend", async () => {
    const seen = await see(picture("b", { kind: "mask", legend: [{ color: "#ff0000", label: "road" }] }))
    expect(texts(seen, "li")).toEqual(["road"])
    expect(seen.querySelector<HTMLElement>("li i")!.style.background).toContain("ff0000")
  })

  test("of a heat map has its range", async () => {
    expect((await see(picture("b", { kind: "heatmap", low: "-1", high: "4" }))).textContent).toBe("darkest -1 · brightest 4")
  })

  test("of sound has a player, and a waveform that takes a click", async () => {
    const seen = await see({ kind: "audio", blob: "b", mime: "audio/wav", rate: 8000, seconds: 4, peaks: [-1, 1, -0.5, 0.5], more: "" })
    const player = seen.querySelector("audio")!
    expect(player.getAttribute("aria-label")).toBe("out")
    expect(seen.querySelector("path")!.getAttribute("d")).toBe("M0.5 -1.010V1.010M1.5 -0.510V0.510")
    const wave = seen.querySelector<HTMLElement>(".cp-wave")!
    vi.spyOn(wave, "getBoundingClientRect").mockReturnValue({ left: 100, width: 200 } as DOMRect)
    wave.dispatchEvent(new MouseEvent("click", { clientX: 150, bubbles: true }))
    expect(player.currentTime).toBe(1)
  })

  test("of one text is the text, of several a list from 0", async () => {
    expect(texts(await see({ kind: "text", texts: ["hello"], more: "" }), "p")).toEqual(["hello"])
    const seen = await see({ kind: "text", texts: ["a", "b"], more: "the first 2 of 9" })
    expect(seen.querySelector("ol")!.getAttribute("start")).toBe("0")
    expect(texts(seen, "li")).toEqual(["a", "b"])
    expect(seen.textContent).toContain("the first 2 of 9")
  })

  test("of scores is bars", async () => {
    const seen = await see({ kind: "scores", bars: [{ label: "castle", value: "0.91", fraction: 0.91 }], more: "" })
    expect(texts(seen, "li span:not(.cp-bar-track)")).toEqual(["castle", "0.91"])
    expect(seen.querySelector<HTMLElement>(".cp-bar")!.style.width).toBe("91%")
  })

  test("of a table scrolls within itself, by keyboard too", async () => {
    const seen = await see({ kind: "table", columns: ["name", "size"], rows: [["a", "1.5"], ["b", "nan"]], more: "" })
    expect(texts(seen, "th")).toEqual(["name", "size"])
    expect(texts(seen, "td.cp-figures")).toEqual(["1.5", "nan"])
    expect(seen.querySelector(".cp-scroll")!.getAttribute("tabindex")).toBe("0")
  })

  test("of lines spans its ranges", async () => {
    const seen = await see({ kind: "line", series: [{ name: "a", points: [0, 0, 10, 1] }, { name: "b", points: [0, 1, 10, 0.5] }], x: [0, 10], y: [0, 1], more: "" })
    expect(seen.querySelector("polyline")!.getAttribute("points")).toBe("0.0,140.0 400.0,0.0")
    expect(texts(seen, ".cp-axis-x span, .cp-axis-y span")).toEqual(["1", "0", "0", "10"])
    expect(texts(seen, ".cp-legend li")).toEqual(["a", "b"])
  })

  test("of a line that is flat is drawn in the middle", async () => {
    const seen = await see({ kind: "line", series: [{ name: "", points: [0, 3, 1, 3] }], x: [0, 1], y: [3, 3], more: "" })
    expect(seen.querySelector("polyline")!.getAttribute("points")).toBe("0.0,70.0 400.0,70.0")
  })

  test("of a histogram has a bar for each bin", async () => {
    const seen = await see({ kind: "histogram", counts: [1, 4, 0], low: "-1", high: "1", more: "" })
    expect([...seen.querySelectorAll("rect")].map((bar) => bar.getAttribute("height"))).toEqual(["25", "100", "0"])
  })

  test("of statistics, JSON and nested tensors is their text", async () => {
    expect(texts(await see({ kind: "statistics", rows: [["min", "-1"], ["max", "2"]], more: "" }), "dt, dd")).toEqual(["min", "-1", "max", "2"])
    expect(texts(await see({ kind: "json", text: "{\n}", more: "" }), "pre")).toEqual(["{\n}"])
    expect(texts(await see({ kind: "nested", rows: [{ shape: "[2]", text: "1, 2" }], more: "" }), "li span")).toEqual(["[2]", "1, 2"])
  })
})
