// Bundles the panel into the Python package. The same sources give the same bytes: the bundle is committed, and a test compares.
import { build } from "esbuild"
import { fileURLToPath } from "node:url"

const here = fileURLToPath(new URL(".", import.meta.url))
const out = process.argv[2] ?? fileURLToPath(new URL("../carton_jupyter/panel/static", import.meta.url))
const shared = { absWorkingDir: here, bundle: true, minify: true, charset: "utf8", legalComments: "none", logLevel: "warning" }

await build({ ...shared, entryPoints: ["src/panel.ts"], format: "esm", target: "es2020", outfile: `${out}/panel.js` })
// Named browsers make esbuild flatten nested rules, so that every selector of the bundle starts with .carton-panel.
await build({ ...shared, entryPoints: ["src/css/panel.css"], target: ["chrome111", "firefox113", "safari16.2"], outfile: `${out}/panel.css` })
