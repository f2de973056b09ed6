// Pictures and sounds that Python sent, by key. A key's bytes never change.
import type { Connection } from "./connection"

export const KEPT = 64
/** How long a push may come after the trait that names it, before it is asked for. */
export const GRACE_MS = 60

export class Blobs {
  readonly #kept = new Map<string, Blob>()
  readonly #waiting = new Map<string, ((blob: Blob) => void)[]>()
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  readonly #connection: Connection

  constructor(connection: Connection, signal: AbortSignal) {
    this.#connection = connection
    connection.onEvent((message, buffers) => {
      if (message.event === "blob") this.#keep(String(message["blob"]), String(message["mime"]), buffers[0])
    })
    signal.addEventListener("abort", () => {
      this.#timers.forEach(clearTimeout)
      this.#waiting.clear()
      this.#kept.clear()
    }, { once: true })
  }

  /** Calls `use` with the blob, at once or when it has come. */
  get(key: string, use: (blob: Blob) => void): void {
    const kept = this.#kept.get(key)
    if (kept) {
      this.#kept.delete(key) // the last used are kept
      this.#kept.set(key, kept)
      use(kept)
      return
    }
    const waiting = this.#waiting.get(key)
    if (waiting) waiting.push(use)
    else {
      this.#waiting.set(key, [use])
      const timer = setTimeout(() => void this.#fetch(key, timer), GRACE_MS)
      this.#timers.add(timer)
    }
  }

  async #fetch(key: string, timer: ReturnType<typeof setTimeout>): Promise<void> {
    this.#timers.delete(timer)
    if (!this.#waiting.has(key)) return
    try {
      const { ok, buffers } = await this.#connection.ask("blob", { blob: key })
      this.#keep(key, ok.mime, buffers[0])
    } catch {
      this.#waiting.delete(key) // gone in Python too, a newer one is on its way: the picture stays as it is
    }
  }

  #keep(key: string, mime: string, bytes: DataView | undefined): void {
    if (!bytes) return
    const blob = new Blob([bytes as DataView<ArrayBuffer>], { type: mime })
    this.#kept.set(key, blob)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break
      this.#kept.delete(oldest)
    }
    const waiting = this.#waiting.get(key) ?? []
    this.#waiting.delete(key)
    waiting.forEach((use) => use(blob))
  }
}
