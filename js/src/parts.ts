// Pieces that several regions show.
import { classes, h, type Child, type VNode } from "./dom"
import type { ErrorView, Problem } from "./state"

export function section(label: string, name: string, ...children: Child[]): VNode {
  return h("section", { key: name, class: `cp-region cp-${name}`, role: "region", "aria-label": label }, ...children)
}

export function heading(text: string, ...children: Child[]): VNode {
  return h("div", { class: "cp-head" }, h("h3", { class: "cp-title" }, text), ...children)
}

export interface ButtonProps { look?: "primary" | "quiet" | "link"; label?: string; disabled?: boolean; title?: string; expanded?: boolean; busy?: boolean; class?: string }

/** One that is disabled stays in the order of focus, so that who runs by keyboard does not lose the place. */
export function button(text: Child, click: (event: Event) => void, { look, label, disabled = false, title, expanded, busy, class: extra }: ButtonProps = {}): VNode {
  return h("button", {
    type: "button", class: classes("cp-button", look && `cp-${look}`, extra), title, "aria-label": label,
    "aria-disabled": disabled && "true", "aria-expanded": expanded === undefined ? null : String(expanded), "aria-busy": busy && "true",
    on: { click: (event) => disabled || click(event) },
  }, text)
}

export function chip(...children: Child[]): VNode {
  return h("span", { class: "cp-chip" }, ...children)
}

export function more(text: string): VNode | null {
  return text ? h("div", { class: "cp-more" }, text) : null
}

/** What went wrong and what to do, the traceback folded. */
export function errorBox(error: ErrorView | null): VNode | null {
  if (!error) return null
  return h("div", { class: "cp-error", role: "alert" },
    h("b", { class: "cp-bad" }, error.title),
    error.message && h("div", { class: "cp-error-text" }, error.message),
    error.hint && h("div", { class: "cp-muted" }, error.hint),
    error.details && h("details", {}, h("summary", {}, "details"), scroller("The error's details", h("pre", { class: "cp-code" }, error.details))))
}

/** Scrolls within itself, by keyboard too. */
export function scroller(label: string, ...children: Child[]): VNode {
  return h("div", { class: "cp-scroll", role: "group", "aria-label": label, tabindex: "0" }, ...children)
}

/** "[h, w, 3]" with the axis that does not fit marked. */
export function shape(text: string, problem: Problem | null): Child {
  const axis = problem?.axis ?? null
  const found = /^([[(])(.*?),?([\])])$/.exec(text)
  if (axis === null || !found?.[2]) return text
  const sizes = found[2].split(/,\s*/).map((size, at) => [at ? ", " : "", at === axis ? h("mark", { class: "cp-axis" }, size) : size])
  return [found[1], sizes, found[3]]
}
