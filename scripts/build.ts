/**
 * Builds the executables: `npm run build` makes all of them and `dist/SHA256SUMS`, `npm run build -- --host` the one of
 * this machine, `npm run build -- darwin-arm64 ...` those named.
 */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { signAdHoc, verifyCodeSignature } from "./codesign.ts";
import { HOST, runtimeFor, TARGETS, type Target } from "./runtime.ts";

const ROOT = dirname(import.meta.dirname);
const SUMS = "SHA256SUMS";

/**
 * Compiles `entry` for `target` into `folder` and returns the path. The same source makes the same bytes. Bytecode halves
 * the time to start. The executable reads no `.env` and no `bunfig.toml` of the folder it is started in.
 */
export async function build(target: Target, folder: string, entry = join(ROOT, "src", "main.ts")): Promise<string> {
  const path = join(folder, `dray-${target}`);
  await mkdir(folder, { recursive: true });
  // the name of the file is compiled in, so what differs from run to run is the folder's
  const temporary = await mkdtemp(join(folder, ".build-"));
  const unfinished = join(temporary, basename(path));
  try {
    await Bun.build({
      entrypoints: [entry],
      target: "bun",
      format: "esm",
      minify: true,
      bytecode: true,
      compile: {
        target: `bun-${target}`,
        executablePath: await runtimeFor(target),
        outfile: unfinished,
        autoloadDotenv: false,
        autoloadBunfig: false,
      },
    });
    if (target.startsWith("darwin-")) await sign(unfinished);
    await rename(unfinished, path);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return path;
}

async function sign(path: string): Promise<void> {
  await signAdHoc(path, "dray");
  const { problems } = verifyCodeSignature(new Uint8Array(await readFile(path)));
  if (problems.length > 0) throw new Error(`Cannot sign "${path}": ${problems.join("; ")}`);
}

/** Writes the digests of every executable in `folder` as `sha256sum -c` reads them. */
async function writeSums(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith("dray-")).sort();
  const lines = [];
  for (const name of names) {
    const digest = createHash("sha256").update(await readFile(join(folder, name)));
    lines.push(`${digest.digest("hex")}  ${name}\n`);
  }
  await Bun.write(join(folder, SUMS), lines.join(""));
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { host: { type: "boolean" }, entry: { type: "string" }, out: { type: "string" } },
  });
  const unknown = positionals.find((name) => !TARGETS.includes(name as Target));
  if (unknown !== undefined) throw new Error(`Cannot build "${unknown}": there are ${TARGETS.join(", ")}`);
  const chosen = values.host ? [HOST] : positionals.length > 0 ? (positionals as Target[]) : TARGETS;
  const folder = values.out ?? join(ROOT, "dist");
  for (const target of chosen) {
    const path = await build(target, folder, values.entry);
    process.stdout.write(`${path} ${(Bun.file(path).size / 1e6).toFixed(0)} MB\n`);
  }
  await writeSums(folder);
}
