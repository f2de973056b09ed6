// What is in the editors. It is sent when typing pauses; what Python says replaces it, but never under the user's hands.
import { Refused } from "./connection"
import type { Field, Json } from "./state"
import type { View } from "./view"
import { editorOf, type Editor, type Reading } from "./editors/editor"

export const PAUSE_MS = 150

interface Draft {
  editor: Editor<unknown>
  raw: unknown
  revision: number
  /** Python's value when this was typed or agreed upon: as long as it stays, what is typed is newer. */
  base: Json
  /** Typed and not answered yet. */
  open: boolean
  timer: ReturnType<typeof setTimeout> | undefined
  edits: number
  refusal: string
}

export class Drafts {
  readonly #drafts = new Map<string, Draft>()

  constructor(private readonly view: View) {
    view.flush = () => this.#flush()
    view.signal.addEventListener("abort", () => this.#drafts.forEach((draft) => clearTimeout(draft.timer)), { once: true })
  }

  /** What to show in a field's editor. */
  raw(field: Field): unknown {
    const draft = this.#drafts.get(field.name)
    if (draft && this.#keeps(draft, field)) return draft.raw
    clearTimeout(draft?.timer)
    const editor = editorOf(field)
    const fresh = { editor, raw: editor.raw(field), revision: field.revision, base: known(field), open: false, timer: undefined, edits: 0, refusal: "" }
    this.#drafts.set(field.name, fresh)
    return fresh.raw
  }

  #keeps(draft: Draft, field: Field): boolean {
    if (field.revision !== draft.revision || draft.editor !== editorOf(field)) return false
    if (means(field, draft.raw)) draft.base = known(field)
    return draft.open || this.#focused(field) || same(draft.base, known(field), 0)
  }

  reading(field: Field): Reading {
    return editorOf(field).read(this.raw(field), field)
  }

  refusal(field: Field): string {
    return this.#drafts.get(field.name)?.refusal ?? ""
  }

  edit(field: Field, change: (raw: unknown) => unknown): void {
    this.raw(field)
    const draft = this.#drafts.get(field.name)
    if (!draft) return
    draft.raw = change(draft.raw)
    draft.base = known(field)
    draft.open = true
    draft.edits += 1
    clearTimeout(draft.timer)
    draft.timer = setTimeout(() => void this.#send(field, draft), PAUSE_MS)
    this.view.changed("inputs")
  }

  /** Forgets what is typed, for a value that comes from elsewhere. */
  drop(field: Field): void {
    clearTimeout(this.#drafts.get(field.name)?.timer)
    this.#drafts.delete(field.name)
  }

  /** Something is typed that Python does not have, as far as it said. */
  waiting(fields: Field[]): boolean {
    return fields.some((field) => this.#differs(field))
  }

  /** What is typed and is not what Python has, so that what runs is what is seen. */
  take(fields: Field[]): Record<string, Json> {
    const values: [string, Json][] = []
    for (const field of fields.filter((each) => this.#differs(each))) {
      const draft = this.#drafts.get(field.name)
      const reading = this.reading(field)
      if (!draft || !("value" in reading)) continue
      clearTimeout(draft.timer)
      draft.timer = undefined
      draft.open = false
      values.push([field.name, reading.value])
    }
    return Object.fromEntries(values) // which takes "__proto__" for a name like any other
  }

  #differs(field: Field): boolean {
    const raw = this.raw(field)
    return "value" in editorOf(field).read(raw, field) && (this.#drafts.get(field.name)?.timer !== undefined || !means(field, raw))
  }

  #flush(): void {
    for (const field of this.view.state("inputs").fields) {
      const draft = this.#drafts.get(field.name)
      if (draft?.timer === undefined) continue
      clearTimeout(draft.timer)
      void this.#send(field, draft)
    }
  }

  async #send(field: Field, draft: Draft): Promise<void> {
    draft.timer = undefined
    const { edits } = draft
    const reading = editorOf(field).read(draft.raw, field)
    try {
      if ("value" in reading) await this.view.connection.ask("set", { field: field.name, value: reading.value })
      else await this.view.connection.ask("clear", { field: field.name })
      draft.refusal = ""
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      draft.refusal = error.message
    }
    if (draft.edits === edits) draft.open = false
    this.view.changed("inputs")
  }

  #focused(field: Field): boolean {
    return this.view.focused()?.closest<HTMLElement>("[data-field]")?.dataset["field"] === field.name
  }
}

function known(field: Field): Json {
  return field.value?.typed ?? null
}

/** Whether the editor's content is the field's value: "2." is 2, and what can not be read is none. */
function means(field: Field, raw: unknown): boolean {
  const reading = editorOf(field).read(raw, field)
  return same("value" in reading ? reading.value : null, known(field), TOLERANCES[field.dtype] ?? 0)
}

/** float32 has seven digits: 0.1 comes back as 0.10000000149. */
const TOLERANCES: Record<string, number> = { float32: 1e-6 }

function same(mine: Json, theirs: Json, tolerance: number): boolean {
  if (Array.isArray(mine) && Array.isArray(theirs)) return mine.length === theirs.length && mine.every((item, at) => same(item, theirs[at] ?? null, tolerance))
  if (typeof mine === "number" && typeof theirs === "number") return Math.abs(mine - theirs) <= tolerance * Math.max(Math.abs(mine), Math.abs(theirs))
  return mine === theirs || String(mine) === String(theirs)
}
