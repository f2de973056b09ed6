// "Copy as code": the Python that does the same.
import { h, type Child } from "./dom"
import { scroller } from "./parts"
import type { RegionName, View } from "./view"

export class CopiedCode {
  code = ""
  note = ""

  constructor(private readonly view: View, private readonly region: RegionName) {}

  /** `run` null: the inputs as they are. */
  async copy(run: number | null): Promise<void> {
    const reply = await this.view.ask(this.region, "code", { run })
    if (!reply) return
    this.code = reply.ok.code
    this.note = (await toClipboard(this.code, this.view.root)) ? "copied · show the code" : "the clipboard is closed to this page: copy it from here"
    this.view.changed(this.region)
  }
}

/** The code that was copied last, folded. */
export function copied({ code, note }: CopiedCode): Child {
  if (!code) return null
  return h("details", { class: "cp-copied" }, h("summary", {}, note), scroller("Code", h("pre", { class: "cp-code" }, code)))
}

async function toClipboard(text: string, root: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return byCommand(text, root) // no permission, or a page without https
  }
}

function byCommand(text: string, root: HTMLElement): boolean {
  const focused = document.activeElement
  const area = document.createElement("textarea")
  area.className = "cp-hidden"
  area.value = text
  root.append(area)
  area.select()
  try {
    return document.execCommand("copy")
  } catch {
    return false
  } finally {
    area.remove()
    if (focused instanceof HTMLElement) focused.focus()
  }
}
