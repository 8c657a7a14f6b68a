/**
 * The Bun runtimes that executables are made of. They come from the npm registry through npm itself, so whatever
 * registry and proxy npm is set up for is used, and package-lock.json says which bytes they must be.
 */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Platforms that Dray is built for, and what npm calls the runtime of each. */
const RUNTIMES = {
  "linux-x64": "@oven/bun-linux-x64",
  "linux-arm64": "@oven/bun-linux-aarch64",
  "darwin-x64": "@oven/bun-darwin-x64",
  "darwin-arm64": "@oven/bun-darwin-aarch64",
} as const;

export type Target = keyof typeof RUNTIMES;
export const TARGETS = Object.keys(RUNTIMES) as readonly Target[];
/** What this machine runs. */
export const HOST = `${process.platform}-${process.arch}` as Target;

const ROOT = dirname(import.meta.dirname);

/** The path of the runtime of `target`: the one that runs this, or one fetched once, verified and kept for later. */
export async function runtimeFor(target: Target): Promise<string> {
  if (target === HOST) return process.execPath;
  const { version, integrity } = await lockedPackage(RUNTIMES[target]);
  const cache = join(ROOT, "node_modules", ".cache", "dray");
  const path = join(cache, `bun-${target}-${version}`);
  if (await Bun.file(path).exists()) return path;
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "fetch-"));
  try {
    await runQuietly(["npm", "pack", `${RUNTIMES[target]}@${version}`, "--pack-destination", folder, "--silent"]);
    const archive = join(folder, `${RUNTIMES[target].slice(1).replace("/", "-")}-${version}.tgz`);
    const actual = `sha512-${createHash("sha512")
      .update(await readFile(archive))
      .digest("base64")}`;
    if (actual !== integrity) throw new Error(`Cannot use "${RUNTIMES[target]}": it is ${actual}, not ${integrity}`);
    await runQuietly(["tar", "-xzf", archive, "-C", folder, "package/bin/bun"]);
    await rename(join(folder, "package", "bin", "bun"), path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return path;
}

async function lockedPackage(name: string): Promise<{ version: string; integrity: string }> {
  const lock = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8"));
  const entry = lock.packages[`node_modules/${name}`];
  if (entry === undefined) throw new Error(`Cannot fetch "${name}": package-lock.json does not name it`);
  return entry;
}

async function runQuietly(command: string[]): Promise<void> {
  const { exitCode, stderr } = Bun.spawnSync(command, { cwd: ROOT, stdout: "ignore", stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`Cannot run "${command.join(" ")}": ${stderr.toString().trim() || exitCode}`);
}
