// "Use a variable": the notebook's variables that might be this input.
import { classes, h, type Child, type VNode } from "../dom"
import { button } from "../parts"
import type { Field, Variable } from "../state"
import type { View } from "../view"

export class VariableList {
  #open: string | null = null
  #variables: Variable[] | null = null

  constructor(private readonly view: View, private readonly used: (field: Field) => void) {}

  opener(field: Field, text: string): VNode {
    return button(text, () => void this.#toggle(field), { look: "link", label: `Use a variable for ${field.name}`, expanded: this.#open === field.name })
  }

  list(field: Field): Child {
    if (this.#open !== field.name) return null
    return h("div", { class: "cp-variables", role: "group", "aria-label": `Variables for ${field.name}`, on: { keydown: (event) => this.#press(event as KeyboardEvent) } },
      this.#variables === null ? h("span", { class: "cp-muted" }, "looking at the notebook's variables")
        : this.#variables.length ? this.#variables.map((variable) => this.#row(field, variable))
          : h("span", { class: "cp-muted" }, "The notebook has no variable that could be this input."))
  }

  #row(field: Field, { name, text, fits }: Variable): VNode {
    return h("button", { key: name, type: "button", class: classes("cp-variable", !fits && "cp-misfit"), on: { click: (event) => void this.#use(field, name, event) } },
      h("b", {}, name), h("span", { class: "cp-muted cp-mono" }, text), !fits && h("span", { class: "cp-muted" }, "does not fit"))
  }

  async #toggle(field: Field): Promise<void> {
    if (this.#open === field.name) return this.#close()
    this.#open = field.name
    this.#variables = null
    this.view.changed("inputs")
    const reply = await this.view.ask("inputs", "variables", { field: field.name })
    if (this.#open !== field.name) return
    if (!reply) return this.#close()
    this.#variables = [...reply.ok.variables].sort((a, b) => Number(b.fits) - Number(a.fits))
    this.view.changed("inputs")
    requestAnimationFrame(() => this.#enter()) // the list is there after the drawing that was just asked for
  }

  /** From what opened the list into it, unless the focus has gone elsewhere since. */
  #enter(): void {
    const opener = this.view.focused()
    if (opener?.getAttribute("aria-expanded") !== "true") return
    opener.closest("[data-field]")?.querySelector<HTMLElement>(".cp-variables button")?.focus()
  }

  async #use(field: Field, variable: string, event: Event): Promise<void> {
    this.#back(event)
    this.#close()
    this.used(field)
    await this.view.ask("inputs", "use", { field: field.name, variable })
  }

  #press(event: KeyboardEvent): void {
    if (event.key === "Escape") {
      event.stopPropagation()
      this.#back(event)
      this.#close()
      return
    }
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (!by) return
    event.preventDefault()
    const rows = [...(event.currentTarget as Element).querySelectorAll<HTMLElement>("button")]
    rows[(rows.indexOf(event.target as HTMLElement) + by + rows.length) % rows.length]?.focus()
  }

  /** The focus goes back to what opened the list. */
  #back(event: Event): void {
    (event.target as Element).closest("[data-field]")?.querySelector<HTMLElement>("[aria-expanded=true]")?.focus()
  }

  #close(): void {
    this.#open = null
    this.view.changed("inputs")
  }
}
