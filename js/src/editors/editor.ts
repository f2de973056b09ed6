// What an editor is: it shows a value, and reads what is typed.
import type { VNode } from "../dom"
import type { Field, Json } from "../state"
import { grid } from "./grid"
import { number } from "./number"
import { text } from "./text"
import { texts } from "./texts"
import { none } from "./none"

/** What is typed: a value, nothing yet, or something that is none. */
export type Reading = { value: Json } | { empty: true } | { problem: string }

/** What an element of the editor needs: the label's target, and whether and why it does not fit. */
export interface Ids { control: string; label: string; describedby: string | null; invalid: boolean }

/** Changes what is typed now, which may be newer than what was drawn. (Written as a method's type, so that editors of any content are editors.) */
export type Edit<Raw> = (change: { by(raw: Raw): Raw }["by"]) => void

export interface Editor<Raw> {
  /** The content for the field's value. */
  raw(field: Field): Raw
  read(raw: Raw, field: Field): Reading
  draw(raw: Raw, field: Field, edit: Edit<Raw>, ids: Ids): VNode
}

const EDITORS: Partial<Record<Field["editor"], Editor<unknown>>> = { number, text, texts, grid }

/** A value too large to type has no editor, nor has a picture: the drop zone shows those. */
export function editorOf(field: Field): Editor<unknown> {
  const given = field.value?.typed
  if (given === null) return none
  const many = field.editor === "text" && Array.isArray(given) // where any shape will do, a variable may hold several
  return EDITORS[many ? "texts" : field.editor] ?? none
}

export function typed(field: Field): boolean {
  return editorOf(field) !== none
}
