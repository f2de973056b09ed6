// A list of texts, a row each: Enter adds one, Backspace in an empty one takes it away.
import { h, type VNode } from "../dom"
import { button } from "../parts"
import type { Field } from "../state"
import type { Editor, Ids } from "./editor"

type Edit = (raw: string[]) => void

export const texts: Editor<string[]> = {
  raw: (field) => {
    const value = field.value?.typed
    return Array.isArray(value) ? value.map(String) : [""]
  },
  read: (raw) => (raw.length === 1 && !raw[0] ? { empty: true } : { value: raw }),
  draw: (raw, field, edit, ids) => h("div", { class: "cp-texts", role: "group", "aria-labelledby": ids.label },
    raw.map((text, at) => row(raw, text, at, field, edit, ids)),
    fixed(field) ? null : button("Add a text", (event) => add(raw, raw.length - 1, edit, event), { look: "quiet", label: `Add a text to ${field.name}` })),
}

/** "[3]" has three, "[batch]" any number. */
function fixed(field: Field): boolean {
  return /^\[\d+\]$/.test(field.shape)
}

function row(raw: string[], text: string, at: number, field: Field, edit: Edit, ids: Ids): VNode {
  return h("div", { key: at, class: "cp-row cp-texts-row" },
    h("textarea", {
      id: at === 0 ? ids.control : null, class: "cp-input cp-text-input", rows: "1", value: text, "aria-label": at === 0 ? field.name : `${field.name}, text ${at + 1}`,
      "aria-invalid": ids.invalid && "true", "aria-describedby": ids.describedby,
      on: {
        input: (event) => edit(raw.map((old, i) => (i === at ? (event.target as HTMLTextAreaElement).value : old))),
        keydown: (event) => press(event as KeyboardEvent, raw, at, field, edit),
      },
    }),
    raw.length > 1 && !fixed(field) && button("×", (event) => drop(raw, at, edit, event), { look: "quiet", label: `Remove text ${at + 1} of ${field.name}` }))
}

function press(event: KeyboardEvent, raw: string[], at: number, field: Field, edit: Edit): void {
  if (fixed(field) || event.ctrlKey || event.metaKey || event.isComposing) return
  if (event.key === "Enter" && !event.shiftKey) add(raw, at, edit, event)
  if (event.key === "Backspace" && !raw[at] && raw.length > 1) drop(raw, at, edit, event)
}

function add(raw: string[], after: number, edit: Edit, event: Event): void {
  event.preventDefault()
  focusLater(event, after + 1)
  edit([...raw.slice(0, after + 1), "", ...raw.slice(after + 1)])
}

function drop(raw: string[], at: number, edit: Edit, event: Event): void {
  event.preventDefault()
  focusLater(event, Math.max(0, at - 1))
  edit(raw.filter((_, i) => i !== at))
}

/** The rows are there after the next drawing. */
function focusLater(event: Event, at: number): void {
  const list = (event.target as Element).closest(".cp-texts")
  requestAnimationFrame(() => list?.querySelectorAll("textarea")[at]?.focus())
}
