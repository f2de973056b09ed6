// Gives an element the bytes that a blob's key names.
import type { View } from "../view"

/** For `life`: the old content stays until the new has come; the address is let go with the element. */
export function source(view: View, key: string): { id: string; start: (element: HTMLElement) => () => void } {
  return {
    id: key,
    start: (element) => {
      let url = ""
      let gone = false
      view.blobs.get(key, (blob) => {
        if (gone) return
        url = URL.createObjectURL(blob);
        (element as HTMLImageElement | HTMLAudioElement).src = url
      })
      return () => {
        gone = true
        if (url) URL.revokeObjectURL(url)
      }
    },
  }
}
