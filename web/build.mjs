// Builds every page's script into the folder given: `node build.mjs ../api/static`.
// The results are committed, so nobody needs Node.js to run the product; a test rebuilds them.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import { resolve } from "node:path";

const out = process.argv[2];
if (!out) {
  console.error("usage: node build.mjs OUTPUT_FOLDER");
  process.exit(1);
}

await build({
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  entryPoints: ["src/scan.ts"],
  outdir: resolve(out),
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
});
