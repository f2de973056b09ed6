// Pieces of state for tests to show.
import type { ErrorView, Field, FieldValue, Output, Picture, Preview } from "../src/state"

export const failure: ErrorView = { title: "The model raised ValueError", message: "too many", hint: "Fewer.", details: "Traceback: line 3" }

export function field(name: string, more: Partial<Field> = {}): Field {
  return { name, dtype: "float32", shape: "scalar", description: "", editor: "number", revision: 1, value: null, problem: null, ...more }
}

export function value(typed: FieldValue["typed"], more: Partial<FieldValue> = {}): FieldValue {
  return { source: "typed", label: "typed", dtype: "float32", shape: "scalar", typed, preview: null, ...more }
}

export function output(name: string, preview: Preview, more: Partial<Output> = {}): Output {
  return { name, dtype: "float32", shape: "[3]", description: "", summary: "", kind: preview.kind, kinds: [preview.kind, "statistics"], preview, saves: ["npy"], which: "actual", ...more }
}

export function picture(blob: string, more: Partial<Picture> = {}): Picture {
  return { kind: "image", blob, mime: "image/png", width: 4, height: 3, count: 1, low: "", high: "", legend: [], more: "", ...more }
}
