// What the tests ask of Jupyter's page, as `tests.…`; Jupyter's own commands are its `jupyterapp`.
window.tests = {
  ran: {},
  gaps: [],

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
    tests.ran[index] = jupyterapp.commands.execute("notebook:run-cell")
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
}
