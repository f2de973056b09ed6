// Files to Python in pieces: the notebook's socket drops messages above 10 MiB without a word.
import type { Connection } from "./connection"

export const PIECE = 4 * 1024 * 1024
export const IN_FLIGHT = 3
let count = 0

export interface Upload { field: string; file: File; progress: (fraction: number) => void; /** Whether it is still wanted. */ wanted: () => boolean }

/** Resolves when Python has taken the last piece. Rejects with `Refused` when it takes one not, and sends no more. */
export async function upload(connection: Connection, { field, file, progress, wanted }: Upload): Promise<void> {
  const id = `${Date.now().toString(36)}-${++count}`
  let next = 0
  let received = 0
  let failed = false
  const more = () => !failed && wanted() && (next < file.size || (next === 0 && file.size === 0))
  const worker = async () => {
    while (more()) {
      const offset = next
      const piece = file.slice(offset, offset + PIECE)
      next = file.size === 0 ? 1 : offset + piece.size
      try {
        const buffer = await piece.arrayBuffer()
        if (failed || !wanted()) return
        await connection.ask("upload", { field, upload: id, name: file.name, mime: file.type, size: file.size, offset }, [buffer])
      } catch (error) {
        failed = true
        throw error
      }
      received += piece.size
      progress(file.size ? received / file.size : 1)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
}
