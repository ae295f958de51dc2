// Bundles the page into dist/: hashed assets, and an index.html that names them.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const dist = new URL("./dist/", import.meta.url);
await rm(dist, { recursive: true, force: true });
await mkdir(new URL("assets/", dist), { recursive: true });

const result = await build({
  entryPoints: { app: "src/main.tsx", style: "src/styles/main.css" },
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  write: false,
  outdir: "dist",
});

const names = {};
for (const file of result.outputFiles) {
  const [stem, extension] = file.path.split("/").pop().split(".");
  const hash = createHash("sha256").update(file.contents).digest("hex").slice(0, 10);
  names[stem] = `assets/${stem}-${hash}.${extension}`;
  await writeFile(new URL(names[stem], dist), file.contents);
}

const icon = await readFile("src/icon.svg");
await writeFile(new URL("icon.svg", dist), icon);
const page = (await readFile("src/index.html", "utf8"))
  .replace("{{style}}", `/${names.style}`)
  .replace("{{script}}", `/${names.app}`);
await writeFile(new URL("index.html", dist), page);
