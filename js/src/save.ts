// Saves an output as a file of the user's.
import type { Format, Output } from "./state"
import type { View } from "./view"

export class Saver {
  /** Some browsers read the bytes after the click: the address lives until the next one or the end. */
  #url = ""

  constructor(private readonly view: View) {
    view.signal.addEventListener("abort", () => this.#revoke(), { once: true })
  }

  async save({ name, which }: Output, format: Format): Promise<void> {
    const reply = await this.view.ask("outputs", "save", { output: name, which, format })
    const bytes = reply?.buffers[0]
    if (!reply || !bytes || this.view.signal.aborted) return
    this.#revoke()
    this.#url = URL.createObjectURL(new Blob([bytes as DataView<ArrayBuffer>], { type: reply.ok.mime }))
    const link = document.createElement("a")
    link.href = this.#url
    link.download = reply.ok.name
    link.hidden = true
    this.view.root.append(link)
    link.click()
    link.remove()
  }

  #revoke(): void {
    if (this.#url) URL.revokeObjectURL(this.#url)
    this.#url = ""
  }
}
