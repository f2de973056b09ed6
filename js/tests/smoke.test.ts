import { expect, test } from "vitest"
import { show } from "./fake"

test("smoke", () => {
  const { root } = show()
  expect([...root.querySelectorAll("[role=region]")].map((r) => r.getAttribute("aria-label"))).toEqual(["Model card", "Kernel", "Inputs", "Outputs", "Examples", "Self tests", "History"])
})
