// Nothing to type: the value comes from a file or a variable.
import { h } from "../dom"
import type { Editor } from "./editor"

export const none: Editor<null> = {
  raw: () => null,
  read: () => ({ empty: true }),
  draw: () => h("span", { hidden: true }),
}
