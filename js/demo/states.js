// States worth looking at, each a change of one loaded model's.
const picture = (blob, more = {}) => ({ kind: "image", blob, mime: "image/png", width: 128, height: 96, count: 1, low: "", high: "", legend: [], more: "", ...more })
const spec = (name, dtype, shape, description) => ({ name, dtype, shape, description })
const output = (name, dtype, shape, kinds, preview, more = {}) => ({ ...spec(name, dtype, shape, ""), summary: "", kind: kinds[0], kinds, preview: { more: "", ...preview }, saves: ["npy"], which: "actual", ...more })
const field = (name, dtype, shape, editor, typed = null, more = {}) => ({
  ...spec(name, dtype, shape, ""), editor, revision: 1, problem: null,
  value: typed === null ? null : { source: "typed", label: "typed", dtype, shape, typed, preview: null }, ...more,
})
const error = {
  title: "The model's process was killed (signal 9) after 2.4 s.", message: "It had used 7.9 GB, its limit is 8 GB: most likely out of memory.", hint: "It starts again with the next run.",
  details: 'Traceback (most recent call last):\n  File "model.py", line 31, in infer\n    grown = np.zeros((200_000, 200_000), dtype=np.float32)\nMemoryError: Unable to allocate 149. GiB',
}

const castle = { source: "file", label: "castle.png", dtype: "uint8", shape: "[96, 128, 3]", typed: null, preview: picture("1:picture:1") }
const image = output("image", "uint8", "[96, 128, 3]", ["image", "histogram", "table", "statistics"], picture("3:image:1"), { summary: "min 0 · max 255 · mean 141.2", saves: ["png", "npy"], description: "the brighter picture" })
const scores = output("scores", "float32", "[1, 1000]", ["scores", "table", "line"], { kind: "scores", bars: [["castle", 0.91], ["palace", 0.06], ["a church with a very long name that goes on", 0.02]].map(([label, part]) => ({ label, value: part.toFixed(2), fraction: part })), more: "the highest 3 of 1,000" })

function loaded() {
  return {
    card: {
      title: "Brighten", summary: "Multiplies a picture by a gain.", license: "Apache-2.0", hash: "9f3c1e7a52d84b0c".repeat(4), links: [{ name: "Homepage", description: "https://example.org/brighten" }, { name: "Paper", description: "https://example.org/paper" }],
      platforms: ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin"], runner: "python =3.11", reason: "python 3.11.7 is the newest here that fits", size: "3.2 MB", verified: "14 files · 3.2 MB verified",
      description_html: "<p>Every channel is multiplied by <code>gain</code> and cut off at 255. Works on <em>any</em> size, one picture at a time.</p><h2>Use</h2><ul><li>brighten what is too dark</li><li>test a pipeline with something that can be checked by eye</li></ul>",
      inputs: [spec("picture", "uint8", "[h, w, 3]", "RGB image"), spec("gain", "float32", "scalar", "what each channel is multiplied by")], outputs: [spec("image", "uint8", "[h, w, 3]", "the brighter picture"), spec("scores", "float32", "[1, 1000]", "what it shows")],
      files: [{ path: "model.py", size: "412 B", place: "" }, { path: "weights/gain.bin", size: "3.2 MB", place: "linked" }], files_total: "2 files, 3.2 MB",
    },
    load: { phase: "loaded", hint: "", status: "", fraction: null, error: null },
    inputs: {
      fields: [field("picture", "uint8", "[h, w, 3]", "image", null, { value: castle, description: "RGB image" }), field("gain", "float32", "scalar", "number", 2)],
      symbols: [{ name: "h", value: "96" }, { name: "w", value: "128" }], can_run: true,
    },
    run: { phase: "done", id: 3, started: 1795867200, elapsed: 0.31, ahead: 0, items: 1, status: "done in 310 ms", error: null },
    outputs: { run: 3, example: "", items: [image, scores], expected: [] },
    examples: { items: ["twice", "half", "night street"].map((name, at) => ({ name, description: "", inputs: [{ name: "gain", text: ["2", "0.5", "1.4"][at] }], preview: picture(`0:example:${at}`), has_outputs: true })), more: "" },
    tests: {
      phase: "done", names: ["unit gain", "scores stay put"], passed: 2, total: 2, error: null,
      rows: [{ test: "unit gain", output: "image", passed: true, error: "0", tolerance: "exact", time: "0.3 ms", message: "" }, { test: "scores stay put", output: "scores", passed: true, error: "2.4e-07", tolerance: "1e-05", time: "0.4 ms", message: "" }],
    },
    kernel: { state: "idle", about: "python 3.11.7 · cpu · pid 4711", memory: "212 MB", calls: "128 calls", latency: "p50 0.04 ms", spark: [4, 5, 4, 4, 9, 5, 6, 5, 5, 11, 6, 5, 5, 7], queued: 0, error: "" },
    history: {
      items: [
        { id: 3, time: "12:04:31", inputs: "gain 2.0 · castle.png", outcome: "310 ms", status: "done" }, { id: 2, time: "12:04:02", inputs: "gain 1000 · castle.png", outcome: "stopped after 0.9 s", status: "stopped" },
        { id: 1, time: "12:03:47", inputs: "gain 0.5 · a picture with a very long name indeed, from the holidays, 2026-08-14 (edited).png", outcome: "killed (signal 9)", status: "failed" },
      ], total: 3,
    },
  }
}

const wave = Array.from({ length: 200 }, (_, i) => Math.abs(Math.sin(i / 9)) * Math.exp(-i / 90)).flatMap((level) => [-level, level])
const curve = (phase) => Array.from({ length: 80 }, (_, i) => [i, Math.sin(i / 9 + phase)]).flat()

function kinds() {
  const state = loaded()
  state.outputs.items = [
    output("answer", "float32", "scalar", ["value"], { kind: "value", text: "0.7312841" }),
    output("speech", "float32", "[16000]", ["audio", "line", "statistics"], { kind: "audio", blob: "3:audio:1", mime: "audio/wav", rate: 8000, seconds: 2, peaks: wave }, { saves: ["wav", "npy"], summary: "min -0.27 · max 0.27" }),
    output("answers", "string", "[3]", ["text", "table"], { kind: "text", texts: ["Paris is the capital of France.", "A second answer, which is longer than the first and so takes up more than a line of its own.", ""], more: "" }),
    output("one", "string", "scalar", ["text"], { kind: "text", texts: ["The quick brown fox jumps over the lazy dog."] }),
    output("matrix", "float64", "[400, 300]", ["table", "heatmap", "statistics"], { kind: "table", columns: Array.from({ length: 12 }, (_, i) => String(i)), rows: Array.from({ length: 20 }, (_, r) => Array.from({ length: 12 }, (_, c) => (r * c * 0.37).toFixed(3))), more: "the first 20 of 400 rows, 12 of 300 columns" }),
    output("curve", "float32", "[2, 80]", ["line", "table", "histogram"], { kind: "line", series: [{ name: "0", points: curve(0) }, { name: "1", points: curve(1) }], x: [0, 79], y: [-1, 1] }),
    output("map", "float32", "[96, 128]", ["heatmap", "image"], { ...picture("3:heat:1"), kind: "heatmap", low: "-1.2", high: "4.1" }),
    output("classes", "int64", "[96, 128]", ["mask", "heatmap"], { ...picture("3:mask:2"), kind: "mask", legend: [{ color: "#3a2438", label: "background" }, { color: "#9e4e3c", label: "road" }, { color: "#58d068", label: "tree" }] }),
    output("weights", "float32", "[100000000]", ["histogram", "statistics"], { kind: "histogram", counts: [1, 3, 9, 22, 48, 80, 110, 122, 108, 84, 44, 20, 10, 4, 1], low: "-4.1", high: "4.2" }),
    output("many", "float32", "[1000, 1000]", ["statistics", "histogram"], { kind: "statistics", rows: [["elements", "1,000,000"], ["min", "-4.87"], ["max", "5.02"], ["mean", "0.0003"], ["standard deviation", "1.0001"], ["not finite", "12"]] }),
    output("meta", "string", "scalar", ["json", "text"], { kind: "json", text: '{\n  "label": "castle",\n  "box": [12, 8, 90, 77]\n}' }),
    output("ragged", "nested", "[3, ?]", ["nested"], { kind: "nested", rows: [{ shape: "[2]", text: "1, 2" }, { shape: "[5]", text: "3, 4, 5, 6, 7" }, { shape: "[0]", text: "" }] }, { saves: [] }),
  ]
  return state
}

function editors() {
  const state = loaded()
  state.inputs.fields = [
    field("sentences", "string", "[batch]", "texts", ["The capital of France is [MASK].", "Roses are [MASK]."], { description: "sentences with a [MASK]" }),
    field("prompt", "string", "scalar", "text", "Write a poem about boxes."),
    field("matrix", "float32", "[2, n]", "grid", [[1, 2, 3], [4, 5.5, 6]], { value: { source: "example", label: "example twice", dtype: "float32", shape: "[2, 3]", typed: [[1, 2, 3], [4, 5.5, 6]], preview: null } }),
    field("speech", "float32", "[samples]", "audio"),
    field("mask", "uint8", "[h, w]", "image", null, { value: { ...castle, label: "mask.npy", shape: "[64, 128]", preview: picture("1:mask:2") }, problem: { axis: 0, text: "axis 0: h is 96 in picture, 64 here" } }),
    field("steps", "int64", "scalar", "number", null),
  ]
  state.inputs.can_run = false
  return state
}

const change = (trait, values, from = loaded) => () => {
  const state = from()
  Object.assign(state[trait], values)
  return state
}

/** Names that someone will have. */
function long() {
  const state = editors()
  const word = "a_name_that_was_generated_by_a_program_and_goes_on_and_on_".repeat(2)
  Object.assign(state.card, { title: word, summary: `${word} ${word}`, license: "LicenseRef-Something-Very-Long-And-Own", verified: "1,214 files · 417.3 MB verified, of which 1,200 elsewhere" })
  state.kernel.about = `python 3.11.7 · NVIDIA GeForce RTX 4090 Laptop GPU, device 0 · pid 4194304`
  state.inputs.fields.forEach((field) => Object.assign(field, { name: field.name + word, description: word }))
  state.outputs.items = [{ ...scores, name: word, description: word }, { ...image, name: "image", summary: word }]
  state.outputs.example = word
  state.examples.items.forEach((item) => { item.name += word })
  state.tests.rows.forEach((row) => { row.test = word; row.output = word })
  state.run.error = { ...error, title: word, message: word, details: word }
  state.history.items[0].inputs = word
  state.history.items[0].outcome = word
  return state
}

export const STATES = {
  loaded, kinds, editors, long,
  card: () => ({ ...loaded(), load: { phase: "card", hint: "downloads 417 MB · 12 files cached already (3.1 MB) · builds an environment, about 747 MB on disk", status: "", fraction: null, error: null } }),
  loading: () => ({ ...loaded(), load: { phase: "loading", hint: "downloads 417 MB", status: "downloading weights · 160 of 417 MB · 41 MB/s · 6 s left", fraction: 0.38, error: null } }),
  failed: () => ({ ...loaded(), load: { phase: "failed", hint: "downloads 417 MB", status: "could not load", fraction: null, error: { ...error, title: "The model could not be loaded.", message: "requirements.txt asks for torch==9, which no index has.", hint: "Ask the model's author.", details: "" } } }),
  running: () => ({ ...change("run", { phase: "running", id: 4, started: Date.now() / 1000 - 1.8, elapsed: null, status: "running · 0 before it" })(), kernel: { ...loaded().kernel, state: "busy" } }),
  error: () => ({ ...change("run", { phase: "failed", status: "failed after 2.4 s", error })(), kernel: { ...loaded().kernel, state: "dead", memory: "", error: "killed (signal 9)" }, outputs: { run: 0, example: "", items: [], expected: [] } }),
  example: () => ({ ...loaded(), outputs: { run: 3, example: "twice", items: [image, scores], expected: [{ ...image, which: "expected", preview: picture("3:image:2") }, { ...scores, which: "expected" }] } }),
  empty: () => ({ ...loaded(), outputs: { run: 0, example: "", items: [], expected: [] }, history: { items: [], total: 0 }, run: { ...loaded().run, phase: "idle", status: "", elapsed: null }, tests: { ...loaded().tests, phase: "idle", rows: [] } }),
  failing: change("tests", { passed: 1, rows: [loaded().tests.rows[0], { ...loaded().tests.rows[1], passed: false, error: "0.31", message: "largest at [0, 12]: 0.52 instead of 0.21" }] }),
}
