// A player under its waveform, which shows the place and takes a click to go there.
import { h, s, type VNode } from "../dom"
import type { Audio } from "../state"
import type { View } from "../view"
import { source } from "./blob_source"

export function audio(view: View, state: Audio, name: string, small = false): VNode {
  if (small) return wave(state.peaks)
  return h("div", { class: "cp-audio" },
    h("div", { class: "cp-wave", on: { click: (event) => seek(event as MouseEvent, state.seconds) } }, wave(state.peaks), h("i", { class: "cp-playhead" })),
    h("audio", { class: "cp-player", controls: true, preload: "metadata", "aria-label": name, life: source(view, state.blob), on: { timeupdate: follow, seeked: follow } }),
    h("div", { class: "cp-more" }, `${state.seconds.toFixed(2)} s · ${state.rate.toLocaleString("en")} Hz`))
}

function wave(peaks: number[]): VNode {
  const pairs = Math.floor(peaks.length / 2)
  const bars = Array.from({ length: pairs }, (_, at) => {
    const [low, high] = [peaks[2 * at] ?? 0, peaks[2 * at + 1] ?? 0]
    return `M${at + 0.5} ${(-high - 0.01).toFixed(3)}V${(-low + 0.01).toFixed(3)}`
  })
  return s("svg", { class: "cp-wave-lines", viewBox: `0 -1.05 ${Math.max(1, pairs)} 2.1`, preserveAspectRatio: "none", "aria-hidden": "true" },
    s("path", { d: bars.join(""), stroke: "currentColor", "stroke-width": "1.6", "vector-effect": "non-scaling-stroke", fill: "none" }))
}

function parts(target: EventTarget | null): { player: HTMLAudioElement | null; head: HTMLElement | null } {
  const box = (target as Element).closest(".cp-audio")
  return { player: box?.querySelector("audio") ?? null, head: box?.querySelector(".cp-playhead") ?? null }
}

function seek(event: MouseEvent, seconds: number): void {
  const { player } = parts(event.target)
  const { left, width } = (event.currentTarget as Element).getBoundingClientRect()
  if (player && width) player.currentTime = ((event.clientX - left) / width) * seconds
}

function follow(event: Event): void {
  const { player, head } = parts(event.target)
  if (player && head) head.style.setProperty("left", `${(100 * player.currentTime) / (player.duration || 1)}%`)
}
