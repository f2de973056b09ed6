// A list of texts, a row each: Enter adds one, Backspace in an empty one takes it away.
import { h, type VNode } from "../dom"
import { button } from "../parts"
import type { Field } from "../state"
import type { Edit, Editor, Ids } from "./editor"

export const texts: Editor<string[]> = {
  raw: (field) => {
    const value = field.value?.typed
    return Array.isArray(value) ? value.map(String) : [String(value ?? "")]
  },
  read: (raw) => (raw.length === 1 && !raw[0] ? { empty: true } : { value: raw }),
  draw: (raw, field, edit, ids) => h("div", { class: "cp-texts", role: "group", "aria-label": `${field.name}, list of texts` },
    raw.map((text, at) => row(raw, text, at, field, edit, ids)),
    fixed(field) ? null : button("Add a text", (event) => add(raw.length - 1, edit, event), { look: "quiet", label: `Add a text to ${field.name}` })),
}

/** "[3]" has three, "[batch]" any number. */
function fixed(field: Field): boolean {
  return /^\[\d+\]$/.test(field.shape)
}

function row(raw: string[], text: string, at: number, field: Field, edit: Edit<string[]>, ids: Ids): VNode {
  return h("div", { key: at, class: "cp-row cp-texts-row" },
    h("textarea", {
      id: at === 0 ? ids.control : null, class: "cp-input cp-text-input", rows: "1", value: text, "aria-label": at === 0 ? field.name : `${field.name}, text ${at + 1}`,
      "aria-invalid": ids.invalid && "true", "aria-describedby": ids.describedby,
      on: {
        input: (event) => edit((now) => now.map((old, i) => (i === at ? (event.target as HTMLTextAreaElement).value : old))),
        keydown: (event) => press(event as KeyboardEvent, raw, at, field, edit),
      },
    }),
    raw.length > 1 && !fixed(field) && button("×", (event) => drop(at, edit, event), { look: "quiet", label: `Remove text ${at + 1} of ${field.name}` }))
}

function press(event: KeyboardEvent, raw: string[], at: number, field: Field, edit: Edit<string[]>): void {
  if (fixed(field) || event.ctrlKey || event.metaKey || event.isComposing) return
  if (event.key === "Enter" && !event.shiftKey) add(at, edit, event)
  if (event.key === "Backspace" && !raw[at] && raw.length > 1) drop(at, edit, event)
}

function add(after: number, edit: Edit<string[]>, event: Event): void {
  event.preventDefault()
  edit((raw) => [...raw.slice(0, after + 1), "", ...raw.slice(after + 1)])
  focusLater(event, after + 1)
}

function drop(at: number, edit: Edit<string[]>, event: Event): void {
  event.preventDefault()
  edit((raw) => raw.filter((_, i) => i !== at))
  focusLater(event, Math.max(0, at - 1))
}

/** The rows are there after the next drawing, which was asked for before this is. */
function focusLater(event: Event, at: number): void {
  const list = (event.target as Element).closest(".cp-texts")
  requestAnimationFrame(() => list?.querySelectorAll("textarea")[at]?.focus())
}
