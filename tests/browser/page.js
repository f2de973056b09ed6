// What the tests ask of Jupyter's page, as `tests.…`; Jupyter's own commands are its `jupyterapp`.
window.tests = {
  ran: {},
  running: {},
  frames: null,

  notebook() {
    return window.jupyterapp?.shell?.currentWidget
  },
  isReady() {
    const kernel = tests.notebook()?.sessionContext?.session?.kernel
    const hasCells = !!tests.notebook()?.content?.widgets?.length
    return hasCells && kernel?.connectionStatus === "connected" && kernel?.status === "idle"
  },
  command(name, options) {
    return jupyterapp.commands.execute(name, options).then(() => null)
  },
  start(index) {
    const cells = tests.notebook().content
    cells.activeCellIndex = index
    cells.deselectAll()
    tests.running[index] = true
    tests.ran[index] = jupyterapp.commands.execute("notebook:run-cell").finally(() => { tests.running[index] = false })
  },
  finished(index) {
    return tests.ran[index]
  },
  outputs(index) {
    return tests.notebook().content.widgets[index].model.outputs.toJSON()
  },
  // Gives the last cell a source, and its index.
  write(source) {
    const cells = tests.notebook().content.widgets
    cells.at(-1).model.sharedModel.setSource(source)
    return cells.length - 1
  },
  restart() {
    return tests.notebook().sessionContext.session.kernel.restart()
  },
  save() {
    return tests.notebook().context.save()
  },

  // Resolves once `isSo` is and the screen shows it, to the milliseconds since `start`.
  shown(isSo, start = performance.now()) {
    return new Promise((resolve) => {
      const look = () => {
        if (isSo()) requestAnimationFrame(() => resolve(performance.now() - start))
        else requestAnimationFrame(look)
      }
      look()
    })
  },
  // Runs a cell; milliseconds until something new that matches is on the screen.
  cellShown(index, selector) {
    const old = new Set(document.querySelectorAll(selector))
    const isShown = (element) => !old.has(element) && element.checkVisibility() && (element.complete ?? true)
    const shown = tests.shown(() => [...document.querySelectorAll(selector)].some(isShown))
    tests.start(index)
    return shown
  },
  // Clicks the first panel's Run; milliseconds until another picture is on the screen.
  runShown() {
    const panel = document.querySelector(".carton-panel")
    const image = () => panel.querySelector("[aria-label=Outputs] img")
    const before = image()?.src
    const shown = tests.shown(() => image()?.complete && image().naturalWidth && image().src !== before)
    const run = [...panel.querySelectorAll("button")].find((button) => button.textContent.trim() === "Run")
    run.click()
    return shown
  },
  // The size of a picture, and the mean of its pixels; empty until it is there.
  picture(element) {
    if (!element.complete || !element.naturalWidth) return null
    const { naturalWidth: width, naturalHeight: height } = element
    const canvas = Object.assign(document.createElement("canvas"), { width, height })
    const context = canvas.getContext("2d")
    context.drawImage(element, 0, 0)
    const { data } = context.getImageData(0, 0, width, height)
    const mean = [0, 1, 2].map((channel) => {
      let sum = 0
      for (let at = channel; at < data.length; at += 4) sum += data[at]
      return sum / (width * height)
    })
    return { width, height, mean }
  },
  // From here on, remembers the longest time between two frames.
  watchFrames() {
    const watched = (tests.frames = { longest: 0, count: 0 })
    let last = performance.now()
    const frame = (now) => {
      if (tests.frames !== watched) return
      watched.longest = Math.max(watched.longest, now - last)
      watched.count += 1
      last = now
      requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  },
  // The longest time between two frames, in milliseconds, since `watchFrames`.
  longestFrame() {
    const { longest } = tests.frames
    tests.frames = null
    return longest
  },
}
