// One number.
import { h } from "../dom"
import type { Editor } from "./editor"
import { readNumber, showNumber, step } from "./scalar"

export const number: Editor<string> = {
  raw: (field) => exact(field.value?.typed ?? null, field.dtype),
  read: (raw, field) => readNumber(raw, field.dtype),
  draw: (raw, field, edit, ids) => h("input", {
    id: ids.control, class: "cp-input cp-number-input", type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", value: raw,
    "aria-invalid": ids.invalid && "true", "aria-describedby": ids.describedby,
    on: {
      input: (event) => edit(() => (event.target as HTMLInputElement).value),
      keydown: (event) => {
        const next = step(event as KeyboardEvent, (event.target as HTMLInputElement).value, field.dtype)
        if (next !== null) edit(() => next)
      },
    },
  }),
}

/** A float32 is shown with the digits it has, a float64 and an integer in full. */
function exact(value: Parameters<typeof showNumber>[0], dtype: string): string {
  if (typeof value !== "number" || dtype !== "float32") return value === null ? "" : String(value)
  return String(Number(value.toPrecision(7)))
}
