import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"

const at = (name: string) => join(import.meta.dirname, "../../carton_jupyter/panel/static", name)
const css = readFileSync(at("panel.css"), "utf8")

test("the bundle stays under 150 KB", () => {
  expect(statSync(at("panel.js")).size + statSync(at("panel.css")).size).toBeLessThan(150_000)
})

// anywidget puts the styles into the page's head: a selector without our class would restyle the notebook.
test("every rule is the panel's own", () => {
  const plain = css.replace(/@keyframes [\w-]+\{(?:[^{}]*\{[^{}]*\})*\}/g, "")
  const selectors = [...plain.matchAll(/([^{}]+)\{/g)].map(([, text]) => text!.trim()).filter((text) => !text.startsWith("@"))
  expect(selectors.length).toBeGreaterThan(100)
  expect(selectors.flatMap(parts).filter((each) => !each.startsWith(".carton-panel"))).toEqual([])
})

/** The selectors of a list; commas in parentheses are not between them. */
function parts(list: string): string[] {
  let depth = 0
  const out = [""]
  for (const letter of list) {
    if (letter === "(") depth += 1
    if (letter === ")") depth -= 1
    if (letter === "," && depth === 0) out.push("")
    else out[out.length - 1] += letter
  }
  return out.map((each) => each.trim())
}

test("names of animations and variables are the panel's own", () => {
  expect([...css.matchAll(/@keyframes ([\w-]+)/g)].filter(([, name]) => !name!.startsWith("cp-"))).toEqual([])
  expect([...css.matchAll(/[{;](--[\w-]+):/g)].map(([, name]) => name).filter((name) => !name!.startsWith("--cp-"))).toEqual([])
})
