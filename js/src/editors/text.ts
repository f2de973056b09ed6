// One text.
import { h } from "../dom"
import type { Editor } from "./editor"

export const text: Editor<string> = {
  raw: (field) => String(field.value?.typed ?? ""),
  read: (raw, field) => (raw || field.value ? { value: raw } : { empty: true }),
  draw: (raw, _field, edit, ids) => h("textarea", {
    id: ids.control, class: "cp-input cp-text-input", rows: "2", value: raw, "aria-invalid": ids.invalid && "true", "aria-describedby": ids.describedby,
    on: { input: (event) => edit(() => (event.target as HTMLTextAreaElement).value) },
  }),
}
