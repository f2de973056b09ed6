import { h, type VNode } from "../dom"
import { scroller } from "../parts"
import type { Table } from "../state"

export function table({ columns, rows }: Table, name: string): VNode {
  return scroller(`${name}, table`, h("table", { class: "cp-table cp-data" },
    columns.length > 0 && h("thead", {}, h("tr", {}, columns.map((column, at) => h("th", { scope: "col", class: rows.every((row) => figures(row[at])) && "cp-figures" }, column)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", { class: figures(cell) && "cp-figures" }, cell)))))))
}

/** Numbers stand at the right, digit under digit. */
function figures(cell = ""): boolean {
  return /^[-−+]?(\d|nan|inf)/i.test(cell) && !/[a-df-z]{2}/i.test(cell.replace(/nan|inf/gi, ""))
}
