/** The executables, built anew from a small program: they start where they must, and Macs find their signatures right. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../scripts/build.ts";
import { verifyCodeSignature } from "../../scripts/codesign.ts";
import { HOST, TARGETS } from "../../scripts/runtime.ts";
import { VERSION } from "../../src/version.ts";
import { arm64Emulator, oldX64Emulator, toolsRequired } from "../support/emulators.ts";

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
