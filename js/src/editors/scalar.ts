// Numbers as text.
import type { Json } from "../state"
import type { Reading } from "./editor"

/** JSON has no nan, inf or exact large integers: those travel as text. */
export function readNumber(raw: string, dtype: string): Reading {
  const text = raw.trim().replace("−", "-")
  if (!text) return { empty: true }
  if (dtype === "string") return { value: raw }
  if (/int/.test(dtype)) return readInteger(text)
  if (/^[+-]?(nan|inf(inity)?)$/i.test(text)) return { value: text.toLowerCase() }
  const value = Number(text)
  return Number.isFinite(value) && !/^[+-]?0[xob]/i.test(text) ? { value } : { problem: `“${raw}” is not a number` }
}

function readInteger(text: string): Reading {
  if (!/^[+-]?\d+$/.test(text)) return { problem: `“${text}” is not a whole number` }
  const value = Number(text)
  return { value: Number.isSafeInteger(value) ? value : text.replace("+", "") }
}

export function showNumber(value: Json): string {
  return value === null ? "" : typeof value === "number" ? String(Number(value.toPrecision(9))) : String(value)
}

/** Up and down change a number by one, with Shift by ten. */
export function step(event: KeyboardEvent, raw: string, dtype: string): string | null {
  const by = { ArrowUp: 1, ArrowDown: -1 }[event.key]
  const reading = readNumber(raw, dtype)
  if (!by || !("value" in reading) || typeof reading.value !== "number") return null
  event.preventDefault()
  return showNumber(reading.value + by * (event.shiftKey ? 10 : 1))
}
