import { h, type VNode } from "../dom"
import { scroller } from "../parts"
import type { Table } from "../state"

export function table({ columns, rows }: Table, name: string): VNode {
  return scroller(`${name}, table`, h("table", { class: "cp-table cp-data" },
    columns.length > 0 && h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col" }, column)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell)))))))
}
