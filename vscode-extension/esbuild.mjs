// One file of CommonJS: an ES module, or many files, would load more slowly.
import { build } from "esbuild";

await build({
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  external: ["vscode"],
  minify: true,
  sourcemap: process.argv.includes("--sourcemap"),
  logLevel: "warning",
});
