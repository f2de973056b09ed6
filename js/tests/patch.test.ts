import { beforeEach, describe, expect, test, vi } from "vitest"
import { h, s, type VNode } from "../src/dom"
import { patch } from "../src/patch"

let parent: HTMLElement
let shown: VNode[]

beforeEach(() => {
  parent = document.createElement("div")
  document.body.replaceChildren(parent)
  shown = []
})

function draw(...vnodes: (VNode | false)[]): void {
  const { children } = h("div", {}, vnodes)
  patch(parent, shown, children)
  shown = children
}

describe("patching", () => {
  test("changes text and attributes in place", () => {
    draw(h("b", { title: "a", class: "x" }, "one"))
    const element = parent.firstChild
    draw(h("b", { title: "b" }, "two"))
    expect(parent.firstChild).toBe(element)
    expect(parent.innerHTML).toBe('<b title="b">two</b>')
  })

  test("writes text as text", () => {
    draw(h("b", {}, "<img src=x onerror=alert(1)>"))
    expect(parent.querySelector("img")).toBeNull()
  })

  test("keeps focus, caret and what is typed while siblings come and go", () => {
    draw(false, h("input", { value: "hello" }))
    const input = parent.querySelector("input")!
    input.focus()
    input.setSelectionRange(2, 3)
    draw(h("p", {}, "new"), h("input", { value: "hello" }), h("p", {}, "after"))
    expect(document.activeElement).toBe(input)
    expect([input.selectionStart, input.selectionEnd]).toEqual([2, 3])
  })

  test("does not write what is there: that would move the caret", () => {
    draw(h("input", { value: "hello", class: "a" }))
    const written = vi.fn()
    Object.defineProperty(parent.querySelector("input")!, "value", { get: () => "hello", set: written, configurable: true })
    draw(h("input", { value: "hello", class: "b" }))
    expect(written).not.toHaveBeenCalled()
    draw(h("input", { value: "other", class: "b" }))
    expect(written).toHaveBeenCalledWith("other")
  })

  test("keeps an open fold open", () => {
    const fold = (text: string) => h("details", {}, h("summary", {}, "more"), text)
    draw(fold("a"))
    parent.querySelector("details")!.open = true
    draw(fold("b"))
    expect(parent.querySelector("details")!.open).toBe(true)
  })

  test("lets an element follow its key", () => {
    const rows = (...keys: number[]) => keys.map((key) => h("li", { key }, String(key)))
    draw(...rows(2, 1))
    const one = parent.lastElementChild
    draw(...rows(3, 1, 2))
    expect(parent.textContent).toBe("312")
    expect(parent.children[1]).toBe(one)
  })

  test("calls the newest listener, once", () => {
    const [old, fresh] = [vi.fn(), vi.fn()]
    draw(h("button", { on: { click: old } }))
    draw(h("button", { on: { click: fresh } }))
    parent.querySelector("button")!.click()
    expect(old).not.toHaveBeenCalled()
    expect(fresh).toHaveBeenCalledOnce()
  })

  test("an element that is gone calls nothing any more", () => {
    const click = vi.fn()
    draw(h("p", {}, h("button", { on: { click } })))
    const button = parent.querySelector("button")!
    draw()
    button.click()
    expect(click).not.toHaveBeenCalled()
  })

  test("starts a life with its element, anew with its id, and stops it at the end", () => {
    const told: string[] = []
    const living = (id: string) => h("p", {}, h("i", { life: { id, start: () => { told.push(`start ${id}`); return () => told.push(`stop ${id}`) } } }))
    draw(living("a"))
    draw(living("a"))
    draw(living("b"))
    draw()
    expect(told).toEqual(["start a", "stop a", "start b", "stop b"])
  })

  test("passes over a description that is the same object", () => {
    const same = h("b", {}, "as it was")
    draw(same)
    parent.querySelector("b")!.textContent = "touched"
    draw(same)
    expect(parent.textContent).toBe("touched")
  })

  test("makes SVG elements in their namespace", () => {
    draw(s("svg", {}, s("path", { d: "M0 0" })))
    expect(parent.querySelector("path")!.namespaceURI).toBe("http://www.w3.org/2000/svg")
  })
})
