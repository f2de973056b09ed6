// A value from a file: dropped, pasted or picked. Every field takes one.
import { h, type Child, type VNode } from "../dom"
import { button, shape } from "../parts"
import { thumbnail } from "../previews/preview"
import type { Field, FieldValue } from "../state"
import type { View } from "../view"

const ACCEPTS: Partial<Record<Field["editor"], string>> = { image: "image/*,.npy,.csv", audio: "audio/*,.npy,.csv" }

/** The hidden picker of a field; a button opens it. */
export function picker(field: Field, take: (file: File) => void): VNode {
  return h("input", {
    type: "file", class: "cp-hidden", tabindex: "-1", "aria-label": `File for ${field.name}`, accept: ACCEPTS[field.editor] ?? ".npy,.csv,.txt,image/*,audio/*",
    on: {
      change: (event) => {
        const input = event.target as HTMLInputElement
        const file = input.files?.[0]
        if (file) take(file)
        input.value = "" // so that the same file can be picked again
      },
    },
  })
}

export function pick(event: Event): void {
  const field = (event.target as Element).closest("[data-field]")
  field?.querySelector<HTMLInputElement>("input[type=file]")?.click()
}

/** Listeners that make an element take what is dropped on it or pasted into it. */
export function taking(take: (file: File) => void): Record<string, (event: Event) => void> {
  const mark = (event: Event, over: boolean) => (event.currentTarget as Element).classList.toggle("cp-over", over)
  const file = (data: DataTransfer | null) => data?.files[0]
  return {
    dragover: (event) => {
      if (![...((event as DragEvent).dataTransfer?.types ?? [])].includes("Files")) return
      event.preventDefault()
      mark(event, true)
    },
    dragleave: (event) => mark(event, false),
    drop: (event) => {
      mark(event, false)
      const dropped = file((event as DragEvent).dataTransfer)
      if (!dropped) return
      event.preventDefault()
      event.stopPropagation()
      take(dropped)
    },
    paste: (event) => {
      const pasted = file((event as ClipboardEvent).clipboardData)
      if (!pasted) return
      event.preventDefault()
      take(pasted)
    },
  }
}

/** Shows the value, or asks for one. */
export function dropZone(view: View, field: Field, ways: Child, label: string, invalid: boolean): VNode {
  return h("div", { class: "cp-drop", role: "group", "aria-labelledby": label, "data-invalid": invalid && "true" },
    field.value ? shown(view, field, field.value) : null,
    h("div", { class: "cp-drop-text" },
      field.value && h("div", { class: "cp-drop-name" }, field.value.label, " ", h("span", { class: "cp-muted cp-mono" }, field.value.dtype !== field.dtype && `${field.value.dtype} `, shape(field.value.shape, field.problem))),
      h("div", { class: "cp-muted" }, field.value ? null : "drop or paste a file here, ", ways)))
}

function shown(view: View, field: Field, value: FieldValue): Child {
  return value.preview && h("div", { class: "cp-drop-preview" }, thumbnail(view, value.preview, field.name))
}

export function choose(field: Field, text: string): VNode {
  return button(text, pick, { look: "link", label: `${text}, ${field.name}` })
}
