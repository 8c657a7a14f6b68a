/** The executables, built anew, mostly from a small program: they start where they must, and Macs find their signatures right. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../scripts/build.ts";
import { verifyCodeSignature } from "../../scripts/codesign.ts";
import { HOST, TARGETS } from "../../scripts/runtime.ts";
import { VERSION } from "../../src/version.ts";
import { arm64Emulator, oldX64Emulator, toolsRequired } from "../support/emulators.ts";
import { run, runWell } from "../support/run.ts";

/** Runtimes of other platforms are fetched; only CI is sure to be able to. */
const foreign = toolsRequired;
let folder: string;
let entry: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dray-build-"));
  entry = join(folder, "main.ts");
  const version = join(import.meta.dirname, "..", "..", "src", "version.ts");
  const program = `import { VERSION } from ${JSON.stringify(version)};
process.stdout.write(VERSION + " " + (process.env.FROM_DOTENV ?? "clean"));\n`;
  await writeFile(entry, program);
  await writeFile(join(folder, ".env"), "FROM_DOTENV=read\n");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the executable prints when it is started in the folder with the `.env` file. */
function output(command: string[]): string {
  const { stdout, stderr, exitCode } = Bun.spawnSync(command, { cwd: folder });
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout.toString();
}

test("the executable of this machine says its version and reads no .env", async () => {
  const path = await build(HOST, join(folder, "host"), entry);
  expect(output([path])).toBe(`${VERSION} clean`);
  const again = await build(HOST, join(folder, "again"), entry);
  expect((await readFile(again)).equals(await readFile(path))).toBe(true);
}, 60_000);

const old = HOST === "linux-x64" ? oldX64Emulator() : undefined;
test.skipIf(old === undefined && !foreign)(
  "linux-x64 starts on processors without AVX",
  async () => {
    const path = await build("linux-x64", join(folder, "old"), entry);
    expect(output([...old!, path])).toBe(`${VERSION} clean`);
  },
  60_000,
);

test.skipIf(!foreign)(
  "linux-arm64 starts",
  async () => {
    const path = await build("linux-arm64", join(folder, "arm64"), entry);
    expect(output([...arm64Emulator()!, path])).toBe(`${VERSION} clean`);
  },
  120_000,
);

const macs = TARGETS.filter((target) => target.startsWith("darwin-"));
test.skipIf(!foreign).each(macs)(
  "%s is signed",
  async (target) => {
    const path = await build(target, join(folder, "mac"), entry);
    const { adHoc, identifier, pages, problems } = verifyCodeSignature(new Uint8Array(await readFile(path)));
    expect({ adHoc, identifier, problems }).toEqual({ adHoc: true, identifier: "dray", problems: [] });
    expect(pages).toBeGreaterThan(10_000);
  },
  120_000,
);

test.skipIf(!foreign)(
  "a release: the program for a Mac is signed, and the list of checksums is that of what lies there",
  async () => {
    const release = join(folder, "release");
    const script = join(import.meta.dirname, "..", "..", "scripts", "build.ts");
    await runWell(process.execPath, [script, HOST, "darwin-arm64", "--out", release]);
    const names = [`dray-${HOST}`, "dray-darwin-arm64"].sort();
    expect((await readdir(release)).sort()).toEqual(["SHA256SUMS", ...names]);
    const check = ["-c", 'cd "$0" && sha256sum -c --strict SHA256SUMS', release];
    expect((await runWell("bash", check)).trim().split("\n")).toEqual(names.map((name) => `${name}: OK`));
    expect(output([join(release, `dray-${HOST}`), "--version"])).toBe(`${VERSION}\n`);
    const path = join(release, "dray-darwin-arm64");
    const program = new Uint8Array(await readFile(path));
    expect(verifyCodeSignature(program)).toMatchObject({ adHoc: true, identifier: "dray", problems: [] });
    program[program.length >> 1]! ^= 1;
    expect(verifyCodeSignature(program).problems).not.toEqual([]);
    await writeFile(path, program);
    expect(await run("bash", check)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("darwin-arm64: FAILED"),
    });
  },
  120_000,
);
