// Time that passes while something runs.

/** "0.31 s", "12 s", "2 min 5 s". */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.floor(seconds)} s`
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
}

/** Writes the time since `start` (ms, of this machine's clock) into an element, ten times a second, until stopped. */
export function ticking(element: HTMLElement, start: number): () => void {
  const write = () => {
    element.textContent = duration(Math.max(0, Date.now() - start) / 1000)
  }
  write()
  const timer = setInterval(write, 100)
  return () => clearInterval(timer)
}
