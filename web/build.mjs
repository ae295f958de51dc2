// Bundles the page into dist/: hashed assets, and an index.html that names them. What only some
// people open is split off and loaded when it is.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const dist = new URL("./dist/", import.meta.url);
await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });

const shared = {
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  legalComments: "none",
  metafile: true,
  outdir: "dist",
  entryNames: "assets/[name]-[hash]",
  chunkNames: "assets/part-[hash]",
};

// The address, in the page, of what `entry` was built into.
function addressOf(result, entry) {
  const [file] = Object.entries(result.metafile.outputs).find(([, output]) => output.entryPoint === entry);
  return file.replace(/^dist/, "");
}

const solver = await build({ ...shared, entryPoints: { solver: "src/solver/worker.ts" } });
const page = await build({
  ...shared,
  entryPoints: { app: "src/main.tsx", style: "src/styles/main.css" },
  splitting: true,
  jsx: "automatic",
  jsxImportSource: "preact",
  define: { SOLVER_URL: JSON.stringify(addressOf(solver, "src/solver/worker.ts")) },
});

// What the page needs at once, asked for together.
const preload = page.metafile.outputs[`dist${addressOf(page, "src/main.tsx")}`].imports
  .filter((each) => each.kind === "import-statement")
  .map((each) => `<link rel="modulepreload" href="${each.path.replace(/^dist/, "")}" />`);

await writeFile(new URL("icon.svg", dist), await readFile("src/icon.svg"));
const html = (await readFile("src/index.html", "utf8"))
  .replace("{{style}}", addressOf(page, "src/styles/main.css"))
  .replace("{{preload}}", preload.join("\n    "))
  .replace("{{script}}", addressOf(page, "src/main.tsx"));
await writeFile(new URL("index.html", dist), html);
