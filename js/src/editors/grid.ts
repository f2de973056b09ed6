// A small array, a cell each: arrows move, pasted tables fill it, rows and columns grow where the spec lets them.
import { h, type VNode } from "../dom"
import { button } from "../parts"
import type { Field, Json } from "../state"
import type { Edit, Editor, Ids, Reading } from "./editor"
import { readNumber, showNumber } from "./scalar"

type Cells = string[][]

export const grid: Editor<Cells> = {
  raw: (field) => {
    const value = field.value?.typed
    if (!Array.isArray(value)) return value === null || value === undefined ? blank(field) : [[showNumber(value)]]
    return (rank(field) === 1 ? [value] : value).map((row) => (Array.isArray(row) ? row.map(showNumber) : []))
  },
  read: (cells, field) => {
    const rows = cells.map((row) => readRow(row, field.dtype))
    if (cells.every((row) => row.every((cell) => !cell.trim()))) return { empty: true }
    const problem = rows.find((row) => "problem" in row) ?? rows.find((row) => "empty" in row)
    if (problem) return "problem" in problem ? problem : { problem: "some cells are empty" }
    const values = rows.map((row) => ("value" in row ? row.value : null))
    return { value: rank(field) === 1 ? (values[0] ?? []) : values }
  },
  draw: (cells, field, edit, ids) => h("div", { class: "cp-grid" },
    h("div", { class: "cp-scroll" }, h("table", { class: "cp-cells", role: "grid", "aria-labelledby": ids.label },
      h("tbody", {}, cells.map((row, r) => h("tr", {}, row.map((text, c) => cell(text, [r, c], field, edit, ids))))))),
    h("div", { class: "cp-row" }, growing(cells, field, edit))),
}

function readRow(row: string[], dtype: string): Reading {
  const readings = row.map((cell) => readNumber(cell, dtype))
  const problem = readings.find((reading) => "problem" in reading) ?? readings.find((reading) => "empty" in reading)
  return problem ?? { value: readings.map((reading) => ("value" in reading ? reading.value : null)) as Json[] }
}

function sizes(field: Field): string[] {
  return field.shape.replace(/[[\]()\s]/g, "").split(",").filter(Boolean)
}

function rank(field: Field): number {
  const { typed } = field.value ?? { typed: null }
  return Array.isArray(typed) ? (Array.isArray(typed[0]) ? 2 : 1) : sizes(field).length
}

/** Fixed sizes as they are, symbols as one. */
function blank(field: Field): Cells {
  const [last = 1, first = 1] = sizes(field).reverse().map((size) => Math.min(64, Number(size) || 1))
  return Array.from({ length: first }, () => Array.from({ length: last }, () => ""))
}

function cell(text: string, [r, c]: [number, number], field: Field, edit: Edit<Cells>, ids: Ids): VNode {
  const wrong = "problem" in readNumber(text, field.dtype)
  const place = rank(field) === 1 ? `${c}` : `${r}, ${c}`
  return h("td", { role: "gridcell" }, h("input", {
    class: "cp-input cp-cell", value: text, autocomplete: "off", "aria-label": `${field.name} ${place}`,
    "data-cell": `${r},${c}`, "aria-invalid": (wrong || ids.invalid) && "true", "aria-describedby": ids.describedby,
    on: {
      input: (event) => edit((cells) => filled(cells, [r, c], [[(event.target as HTMLInputElement).value]])),
      keydown: (event) => move(event as KeyboardEvent, r, c),
      paste: (event) => paste(event as ClipboardEvent, [r, c], field, edit),
    },
  }))
}

function filled(cells: Cells, [r, c]: [number, number], block: string[][]): Cells {
  return cells.map((row, i) => row.map((old, j) => block[i - r]?.[j - c] ?? old))
}

function move(event: KeyboardEvent, r: number, c: number): void {
  const input = event.target as HTMLInputElement
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const { selectionStart: start, selectionEnd: end, value } = input
  const whole = start === 0 && end === value.length
  const steps: Record<string, [number, number] | false> = {
    ArrowUp: [-1, 0], ArrowDown: [1, 0], Enter: [1, 0],
    ArrowLeft: (whole || end === 0) && [0, -1], ArrowRight: (whole || start === value.length) && [0, 1],
  }
  const by = steps[event.key]
  const next = by && input.closest("table")?.querySelector<HTMLInputElement>(`[data-cell="${r + by[0]},${c + by[1]}"]`)
  if (!next) return
  event.preventDefault()
  next.focus()
  next.select()
}

function paste(event: ClipboardEvent, at: [number, number], field: Field, edit: Edit<Cells>): void {
  const block = (event.clipboardData?.getData("text/plain") ?? "").trim().split(/\r?\n/).map((line) => line.split(/\t|[,;]\s*/))
  if (block.length === 1 && (block[0]?.length ?? 0) < 2) return
  event.preventDefault()
  edit((cells) => filled(grown(cells, at, block, field), at, block))
}

/** Which axes may grow: columns and rows. */
function free(field: Field): (boolean | undefined)[] {
  return sizes(field).reverse().map((size) => !/^\d+$/.test(size))
}

/** With room for a block; what is beyond an axis that may not grow has none. */
function grown(cells: Cells, [r, c]: [number, number], block: Cells, field: Field): Cells {
  const [columns, rows] = free(field)
  const width = Math.max(cells[0]?.length ?? 1, columns ? c + Math.max(...block.map((row) => row.length)) : 0)
  const height = Math.max(cells.length, rows ? r + block.length : 0)
  return Array.from({ length: height }, (_, i) => Array.from({ length: width }, (_, j) => cells[i]?.[j] ?? ""))
}

function growing(cells: Cells, field: Field, edit: Edit<Cells>): VNode[] {
  const [columns, rows] = free(field)
  const change = (text: string, label: string, by: (cells: Cells) => Cells, disabled = false) =>
    button(text, () => edit(by), { look: "quiet", label: `${label} ${field.name}`, disabled })
  return [
    ...(rows ? [change("+ row", "Add a row to", (now) => [...now, (now[0] ?? [""]).map(() => "")]), change("− row", "Remove a row of", (now) => now.slice(0, -1), cells.length < 2)] : []),
    ...(columns ? [change("+ column", "Add a column to", (now) => now.map((row) => [...row, ""])), change("− column", "Remove a column of", (now) => now.map((row) => row.slice(0, -1)), (cells[0]?.length ?? 1) < 2)] : []),
  ]
}
