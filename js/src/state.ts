// What Python sends and what it is asked: the panel's contract with carton_jupyter.presenter, and the only place that says so.
// fixtures/panel.json is an instance that both sides test.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

export interface ErrorView { title: string; message: string; hint: string; /** The model's traceback or its last log lines, "" when none. */ details: string }
export interface NamedView { name: string; description: string }
export interface TensorView { name: string; dtype: string; shape: string; description: string }

export interface CardState {
  title: string; summary: string; license: string; hash: string
  /** `description` is the address. */
  links: NamedView[]
  platforms: string[]; runner: string; reason: string; size: string; verified: string
  /** Sanitised by Python; pictures are inline. */
  description_html: string
  inputs: TensorView[]; outputs: TensorView[]
  files: { path: string; size: string; place: string }[]; files_total: string
}

export interface LoadState { phase: "card" | "loading" | "loaded" | "failed" | "unloaded"; hint: string; status: string; fraction: number | null; error: ErrorView | null }

export type EditorName = "number" | "text" | "texts" | "grid" | "image" | "audio" | "file"
export interface Problem { axis: number | null; text: string }
export interface FieldValue {
  source: "typed" | "file" | "variable" | "example" | "replay"
  label: string; dtype: string; shape: string
  /** null when the value is too large to edit. */
  typed: Json
  preview: Preview | null
}
export interface Field {
  name: string; dtype: string; shape: string; description: string; editor: EditorName
  /** Grows when Python changed the value: the editor then shows the new one. What is typed does not grow it. */
  revision: number
  value: FieldValue | null; problem: Problem | null
}
export interface InputsState { fields: Field[]; symbols: { name: string; value: string }[]; can_run: boolean }

export interface RunState {
  phase: "idle" | "queued" | "running" | "stopping" | "done" | "stopped" | "failed"
  id: number
  /** Seconds since the epoch. */
  started: number | null
  elapsed: number | null
  ahead: number; items: number; status: string; error: ErrorView | null
}

/** `more` says what a preview leaves out, "" when nothing. */
export type Kind = "value" | "image" | "mask" | "audio" | "text" | "scores" | "table" | "line" | "heatmap" | "histogram" | "statistics" | "json" | "nested"
export interface Picture {
  kind: "image" | "mask" | "heatmap"; blob: string; mime: string; width: number; height: number; count: number
  low: string; high: string; legend: { color: string; label: string }[]; more: string
}
export interface Audio { kind: "audio"; blob: string; mime: string; rate: number; seconds: number; /** Pairs of min, max in -1..1. */ peaks: number[]; more: string }
export interface Value { kind: "value"; text: string; more: string }
export interface Texts { kind: "text"; texts: string[]; more: string }
export interface Scores { kind: "scores"; bars: { label: string; value: string; fraction: number }[]; more: string }
export interface Table { kind: "table"; columns: string[]; rows: string[][]; more: string }
export interface Line { kind: "line"; series: { name: string; /** x0, y0, x1, y1 ... */ points: number[] }[]; x: [number, number]; y: [number, number]; more: string }
export interface Histogram { kind: "histogram"; counts: number[]; low: string; high: string; more: string }
export interface Statistics { kind: "statistics"; rows: [string, string][]; more: string }
export interface JsonText { kind: "json"; text: string; more: string }
export interface Nested { kind: "nested"; rows: { shape: string; text: string }[]; more: string }
export type Preview = Value | Picture | Audio | Texts | Scores | Table | Line | Histogram | Statistics | JsonText | Nested

export type Format = "npy" | "png" | "wav"
export type Which = "actual" | "expected"
export interface Output {
  name: string; dtype: string; shape: string; description: string; summary: string
  kind: Kind; kinds: Kind[]; preview: Preview; saves: Format[]; which: Which
}
export interface OutputsState { run: number; example: string; items: Output[]; expected: Output[] }

export interface Example { name: string; description: string; inputs: { name: string; text: string }[]; preview: Preview | null; has_outputs: boolean }
export interface ExamplesState { items: Example[]; /** What is left out, "" when nothing. */ more: string }

export interface TestRow { test: string; output: string; passed: boolean; error: string; tolerance: string; time: string; message: string }
export interface TestsState { phase: "idle" | "running" | "done" | "failed"; names: string[]; passed: number; total: number; rows: TestRow[]; error: ErrorView | null }

export interface KernelState {
  state: "" | "starting" | "idle" | "busy" | "dead"; about: string; memory: string; calls: string; latency: string
  /** Milliseconds of the last calls. */
  spark: number[]
  queued: number; error: string
}

export interface HistoryItem { id: number; time: string; inputs: string; outcome: string; status: "done" | "stopped" | "failed" }
export interface HistoryState { items: HistoryItem[]; total: number }

/** The traits, each the state of one region. */
export type PanelState = {
  card: CardState; load: LoadState; inputs: InputsState; run: RunState; outputs: OutputsState
  examples: ExamplesState; tests: TestsState; kernel: KernelState; history: HistoryState
}
export type Trait = keyof PanelState

export interface Variable { name: string; text: string; fits: boolean }
type Nothing = Record<string, never>

/** What may be asked: the fields sent, and what a good answer holds. */
export interface Requests {
  hello: { send: { version: 1 }; ok: { version: number } }
  load: { send: Nothing; ok: Nothing }
  set: { send: { field: string; value: Json }; ok: Nothing }
  clear: { send: { field: string }; ok: Nothing }
  upload: { send: { field: string; upload: string; name: string; mime: string; size: number; offset: number }; ok: { received: number } }
  variables: { send: { field: string }; ok: { variables: Variable[] } }
  use: { send: { field: string; variable: string }; ok: Nothing }
  example: { send: { index: number }; ok: Nothing }
  run: { send: { values: Record<string, Json> }; ok: Nothing }
  stop: { send: Nothing; ok: Nothing }
  show: { send: { output: string; which: Which; kind: Kind }; ok: Nothing }
  save: { send: { output: string; which: Which; format: Format }; ok: { name: string; mime: string; size: number } }
  blob: { send: { blob: string }; ok: { mime: string } }
  test: { send: Nothing; ok: Nothing }
  restart: { send: Nothing; ok: Nothing }
  unload: { send: Nothing; ok: Nothing }
  logs: { send: Nothing; ok: { lines: string[] } }
  replay: { send: { run: number }; ok: Nothing }
  code: { send: { run: number | null }; ok: { code: string } }
}
export type Request = keyof Requests
