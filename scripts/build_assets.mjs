// Builds src/mercato/ui/static: styles, scripts, font and icons, named by content, with brotli (and
// zstd, where this Node has it) beside each text file, and manifest.json to find them.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as zlib from "node:zlib";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "src/mercato");
const target = join(source, "ui/static");
const packages = join(root, "node_modules");
const watching = process.argv.includes("--watch");

// Icons that templates name through a variable, so that no scan can find them.
const ICON_LIST = join(source, "ui/icons.txt");
const ICON_USE = /\bicon(?:_name)?\s*(?:\(|=)\s*["']([a-z0-9-]+)["']/g;
const TEXT = /\.(?:css|js|json|svg)$/;

function filesUnder(folder, ending) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function usedIcons() {
  const names = new Set(readFileSync(ICON_LIST, "utf8").split(/\s+/).filter(Boolean));
  for (const folder of ["ui", "storefront", "admin"]) {
    for (const file of filesUnder(join(source, folder), /\.(?:html|py)$/)) {
      for (const match of readFileSync(file, "utf8").matchAll(ICON_USE)) names.add(match[1]);
    }
  }
  return [...names].sort();
}

function icons() {
  const bodies = {};
  for (const name of usedIcons()) {
    const file = join(packages, "lucide-static/icons", `${name}.svg`);
    if (!existsSync(file)) throw new Error(`There is no Lucide icon called "${name}"`);
    const svg = readFileSync(file, "utf8");
    bodies[name] = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"))
      .replace(/\s*\n\s*/g, "").replace(/ \/>/g, "/>");
  }
  return JSON.stringify(bodies);
}

function styles(entry, folder, font) {
  const output = join(folder, entry);
  const cli = createRequire(import.meta.url).resolve("@tailwindcss/cli/package.json");
  execFileSync(process.execPath, [join(dirname(cli), "dist/index.mjs"), "--minify", "-i", join(source, "ui/styles", entry), "-o", output],
    { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  return readFileSync(output, "utf8").replaceAll("/static/FONT", `/static/${font}`);
}

function build() {
  mkdirSync(target, { recursive: true });
  const stage = mkdtempSync(join(target, ".build-"));
  const manifest = {};
  const keep = (name, bytes) => {
    const content = Buffer.from(bytes);
    const digest = createHash("sha256").update(content).digest("hex").slice(0, 12);
    const dot = name.lastIndexOf(".");
    const hashed = `${name.slice(0, dot)}.${digest}${name.slice(dot)}`;
    writeFileSync(join(stage, hashed), content);
    if (TEXT.test(name)) {
      const quality = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 11 } };
      writeFileSync(join(stage, `${hashed}.br`), zlib.brotliCompressSync(content, quality));
      if (zlib.zstdCompressSync) writeFileSync(join(stage, `${hashed}.zst`), zlib.zstdCompressSync(content));
    }
    manifest[name] = hashed;
    return hashed;
  };

  const font = keep("instrument-sans.woff2",
    readFileSync(join(packages, "@fontsource-variable/instrument-sans/files/instrument-sans-latin-wght-normal.woff2")));
  for (const entry of ["shop.css", "admin.css"]) keep(entry, styles(entry, stage, font));
  for (const entry of ["shop.css", "admin.css"]) rmSync(join(stage, entry), { force: true });
  const withoutMap = (file) => readFileSync(join(packages, file), "utf8").replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n");
  keep("htmx.js", withoutMap("htmx.org/dist/htmx.min.js"));
  keep("hx-sse.js", withoutMap("htmx.org/dist/ext/hx-sse.min.js"));
  for (const script of ["app.js", "admin.js", "passkeys.js"]) keep(script, readFileSync(join(source, "ui/scripts", script)));
  keep("icon.svg", readFileSync(join(source, "ui/brand/icon.svg")));
  writeFileSync(join(stage, "icons.json"), icons());
  writeFileSync(join(stage, "manifest.json"), JSON.stringify(manifest, null, 1));

  // New files first and the manifest last, so that a running server never reads a name without its file.
  const fresh = readdirSync(stage);
  for (const name of fresh.filter((name) => name !== "manifest.json")) renameSync(join(stage, name), join(target, name));
  renameSync(join(stage, "manifest.json"), join(target, "manifest.json"));
  rmSync(stage, { recursive: true });
  for (const name of readdirSync(target)) if (!fresh.includes(name)) rmSync(join(target, name), { recursive: true });
  for (const [name, hashed] of Object.entries(manifest)) {
    const packed = join(target, `${hashed}.br`);
    const size = readFileSync(existsSync(packed) ? packed : join(target, hashed)).length;
    console.log(`${name.padEnd(22)} ${(size / 1024).toFixed(1).padStart(6)} KB`);
  }
}

build();
if (watching) {
  const { watch } = await import("node:fs");
  let timer;
  watch(source, { recursive: true }, (_, file) => {
    if (!file || relative(target, join(source, file)).startsWith("..") === false || !/\.(html|css|js|py)$/.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(build, 150);
  });
}
