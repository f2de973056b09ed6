// Stands for the widget and its kernel: answers what the panel asks with canned things.
export class DemoModel {
  constructor(state) {
    this.state = state
    this.listeners = []
  }
  get(trait) { return this.state[trait] }
  on(event, listener) { this.listeners.push([event, listener]) }
  off(event, listener) { this.listeners = this.listeners.filter(([name, each]) => name !== event || each !== listener) }
  tell(event, ...args) { for (const [name, listener] of this.listeners) if (name === event) listener(...args) }
  put(trait, change) {
    this.state = { ...this.state, [trait]: { ...this.state[trait], ...change } }
    this.tell(`change:${trait}`)
  }
  async send(request) {
    const answer = await (ANSWERS[request.do] ?? (() => ({})))(request, this)
    const { buffers = [], ...ok } = answer
    this.tell("msg:custom", { id: request.id, ok }, buffers)
  }
}

const ANSWERS = {
  hello: () => ({ version: 1 }),
  logs: () => ({ lines: ["12:03:40 started, pid 4711", "12:03:41 model.py: loaded weights in 0.2 s", "12:04:31 run 3 took 0.31 s"] }),
  variables: () => ({ variables: [{ name: "x", text: "ndarray uint8 (96, 128, 3)", fits: true }, { name: "frames", text: "ndarray uint8 (24, 96, 128, 3)", fits: false }, { name: "photo", text: "PIL image 640 × 480", fits: true }] }),
  code: () => ({ code: 'import numpy as np\nimport carton\n\nmodel = await carton.load("brighten.carton")\nresults = await model.infer({"picture": picture, "gain": np.float32(2.0)})\n' }),
  blob: async ({ blob }) => blob.includes("audio") ? { mime: "audio/wav", buffers: [tone()] } : { mime: "image/png", buffers: [await drawing(blob)] },
  run: (_request, model) => {
    model.put("run", { phase: "running", id: model.state.run.id + 1, status: "running", error: null })
    return new Promise((resolve) => { model.finish = () => { model.put("run", { phase: "done", elapsed: 1.2, status: "done" }); resolve({}) } })
  },
  stop: (_request, model) => { model.finish?.(); model.put("run", { phase: "stopped", status: "stopped" }); return {} },
}

const COLOURS = [["#20304f", "#7d4e9e", "#f0a35c"], ["#4265ac", "#e39bff", "#fff0b0"], ["#3a2438", "#9e4e3c", "#58d068"]]

async function drawing(key) {
  const canvas = new OffscreenCanvas(128, 96)
  const context = canvas.getContext("2d")
  const colours = COLOURS[key.includes("image") ? 1 : key.endsWith("2") ? 2 : 0]
  const gradient = context.createLinearGradient(0, 0, 128, 96)
  colours.forEach((colour, at) => gradient.addColorStop(at * 0.45, colour))
  context.fillStyle = gradient
  context.fillRect(0, 0, 128, 96)
  return new DataView(await (await canvas.convertToBlob()).arrayBuffer())
}

function tone() {
  const [rate, count] = [8000, 16000]
  const view = new DataView(new ArrayBuffer(44 + count * 2))
  const words = (at, text) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)))
  words(0, "RIFF"); view.setUint32(4, 36 + count * 2, true); words(8, "WAVEfmt "); view.setUint32(16, 16, true)
  view.setUint16(20, 1, true); view.setUint16(22, 1, true); view.setUint32(24, rate, true); view.setUint32(28, rate * 2, true)
  view.setUint16(32, 2, true); view.setUint16(34, 16, true); words(36, "data"); view.setUint32(40, count * 2, true)
  for (let i = 0; i < count; i++) view.setInt16(44 + i * 2, 9000 * Math.sin(i / 6) * Math.exp(-i / 8000), true)
  return view
}
