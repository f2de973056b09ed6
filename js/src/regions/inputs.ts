// The inputs, an editor each, and the run.
import { Refused } from "../connection"
import { classes, h, type Child, type VNode } from "../dom"
import { Drafts } from "../drafts"
import { editorOf, typed, type Ids } from "../editors/editor"
import { choose, dropZone, picker, taking } from "../editors/file"
import { VariableList } from "../editors/variable"
import { button, chip, errorBox, heading, section, shape } from "../parts"
import type { Field } from "../state"
import { upload } from "../uploads"
import type { View } from "../view"
import type { Region } from "./region"
import { active, Clock, runRow } from "./run"
import { progress } from "./status"

interface Sending { name: string; fraction: number }

export function inputs(view: View): Region & { run: () => Promise<void> } {
  const region = new Inputs(view)
  return { follows: ["inputs", "run", "status"], draw: () => region.draw(), run: () => region.run() }
}

class Inputs {
  readonly #drafts: Drafts
  readonly #variables: VariableList
  readonly #clock = new Clock()
  readonly #sending = new Map<string, Sending>()

  constructor(private readonly view: View) {
    this.#drafts = new Drafts(view)
    this.#variables = new VariableList(view, (field) => this.#drafts.drop(field))
  }

  draw(): VNode {
    const { fields, symbols } = this.view.state("inputs")
    const state = this.view.state("run")
    if (!active(state)) this.#clock.idle()
    return section("Inputs", "inputs",
      heading("Inputs"),
      !fields.length && h("div", { class: "cp-muted" }, "The carton names no inputs. To give the model some, call it in a cell."),
      fields.map((field, at) => this.#field(field, `${this.view.uid}-${at}`)),
      symbols.length > 0 && h("div", { class: "cp-symbols" }, symbols.map(({ name, value }) => chip(`${name} `, h("b", {}, value)))),
      errorBox(this.view.failure("inputs")),
      runRow(this.view, state, this.#clock, { run: () => void this.run(), stop: () => void this.view.ask("run", "stop", {}), ready: this.#ready() }))
  }

  async run(): Promise<void> {
    if (active(this.view.state("run")) || this.view.state("load").phase !== "loaded" || !this.#ready()) return
    await this.view.ask("run", "run", { values: this.#drafts.take(this.view.state("inputs").fields) })
  }

  #ready(): boolean {
    const { fields, can_run } = this.view.state("inputs")
    const wrong = fields.some((field) => "problem" in this.#drafts.reading(field))
    return !wrong && !this.#sending.size && (can_run || this.#drafts.waiting(fields))
  }

  #field(field: Field, id: string): VNode {
    const raw = this.#drafts.raw(field)
    const reading = editorOf(field).read(raw, field)
    const problem = "problem" in reading ? reading.problem : (said(field) || this.#drafts.refusal(field))
    const ids: Ids = { control: `${id}-control`, label: `${id}-label`, describedby: problem ? `${id}-problem` : null, invalid: Boolean(problem) }
    const open = typed(field)
    return h("div", { key: field.name, class: classes("cp-field", `cp-editor-${field.editor}`), "data-field": field.name,
      on: { ...taking((file) => void this.#upload(field, file)), focusout: () => this.view.changed("inputs") } },
      h("div", { class: "cp-label" },
        h("div", { class: "cp-label-text" },
          h("label", { id: ids.label, for: open && field.editor !== "grid" && ids.control }, field.name),
          h("span", { class: "cp-spec" }, [field.dtype, " ", shape(field.shape, field.problem), field.description && ` · ${field.description}`])),
        open && h("span", { class: "cp-ways" }, origin(field), choose(field, "upload"), this.#variables.opener(field, "variable"))),
      open ? editorOf(field).draw(raw, field, (change) => this.#drafts.edit(field, change), ids) : dropZone(this.view, field, this.#ways(field), ids.label, ids.invalid),
      picker(field, (file) => void this.#upload(field, file)),
      this.#variables.list(field), this.#progress(field),
      problem && h("div", { id: `${id}-problem`, class: "cp-problem" }, problem))
  }

  #ways(field: Field): Child {
    const clear = field.value && [" · ", button("clear", () => this.#clear(field), { look: "link", label: `Clear ${field.name}` })]
    return [choose(field, field.value ? "choose another file" : "choose a file"), " or ", this.#variables.opener(field, "use a variable"), clear]
  }

  #progress(field: Field): Child {
    const sending = this.#sending.get(field.name)
    return sending && h("div", {}, progress(`sending ${sending.name}`, sending.fraction), h("div", { class: "cp-muted" }, `sending ${sending.name} · ${Math.round(sending.fraction * 100)} % · `, button("cancel", () => this.#cancel(field), { look: "link", label: `Cancel the file for ${field.name}` })))
  }

  #cancel(field: Field): void {
    this.#sending.delete(field.name)
    this.view.changed("inputs")
  }

  #clear(field: Field): void {
    this.#drafts.drop(field)
    void this.view.ask("inputs", "clear", { field: field.name })
  }

  /** A newer file takes the place of one that is still on its way. */
  async #upload(field: Field, file: File): Promise<void> {
    const sending: Sending = { name: file.name, fraction: 0 }
    const wanted = () => !this.view.signal.aborted && this.#sending.get(field.name) === sending
    const progressed = (fraction: number) => {
      sending.fraction = fraction
      this.view.changed("inputs")
    }
    this.#drafts.drop(field)
    this.#sending.set(field.name, sending)
    this.view.fail("inputs", null)
    this.view.changed("inputs")
    try {
      await upload(this.view.connection, { field: field.name, file, progress: progressed, wanted })
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      if (wanted()) this.view.fail("inputs", error.view)
    } finally {
      if (wanted()) this.#sending.delete(field.name)
      this.view.changed("inputs")
    }
  }
}

/** Names the axis, for those who do not see it marked. */
function said({ problem }: Field): string {
  if (!problem) return ""
  return problem.axis === null || /^axis/i.test(problem.text) ? problem.text : `axis ${problem.axis}: ${problem.text}`
}

/** Where a value that can be edited came from. */
function origin({ value }: Field): Child {
  return value && value.source !== "typed" && h("span", { class: "cp-origin" }, value.label)
}
