import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { frame, show } from "./fake"

const path = (name: string) => join(import.meta.dirname, "..", name)

/** What tsc says of a state, as a literal: every field and every word of it is checked. */
function complaints(json: string): string {
  const folder = mkdtempSync(join(tmpdir(), "fixture-"))
  const file = join(folder, "fixture.ts")
  writeFileSync(file, `import type { PanelState } from ${JSON.stringify(path("src/state"))}\nexport const state: PanelState = ${json}\n`)
  try {
    execFileSync(process.execPath, [path("node_modules/typescript/bin/tsc"), "--noEmit", "--strict", "--exactOptionalPropertyTypes", "--ignoreConfig", "--skipLibCheck", "--types", "", "--module", "esnext", "--moduleResolution", "bundler", file])
    return ""
  } catch (error) {
    return String((error as { stdout: Buffer }).stdout)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const fixture = readFileSync(path("fixtures/panel.json"), "utf8")

test("what the presenter makes is a state of the panel", { timeout: 60_000 }, () => {
  expect(complaints(fixture)).toBe("")
})

test("a word that the panel does not know would be noticed", { timeout: 60_000 }, () => {
  expect(complaints(fixture.replace('"phase": "loaded"', '"phase": "lost"'))).toContain('"lost"')
})

test("what the presenter makes is shown", async () => {
  const { root, close } = show()
  await frame()
  for (const text of ["Double", "Twice what it was.", "python 3.11.7 · cpu · pid 4711", "The model raised ValueError", "1 of 1 pass"]) expect(root.textContent).toContain(text)
  close()
})
