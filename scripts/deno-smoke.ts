/** The source on Deno: serve, save and load one image through the program itself, and compare the digests. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runRoot } from "../src/cli/root.ts";
import { memoryStore } from "../src/store/memory.ts";
import { pushTo } from "../test/support/push.ts";
import { layer, multiPlatform } from "../test/support/random-image.ts";
import { startRegistry } from "../test/support/registry.ts";

async function run(...argv: string[]): Promise<void> {
  await runRoot(argv);
  if (process.exitCode) throw new Error(`dray ${argv[0]} ended with exit code ${process.exitCode}`);
}

const folder = await mkdtemp(join(tmpdir(), "dray-deno-"));
try {
  const artifact = multiPlatform(["linux/amd64", "linux/arm64"], { layers: [layer("smoke", 3_000_000)] });
  await using near = await startRegistry(memoryStore());
  await using far = await startRegistry(memoryStore());
  await pushTo(near.store.repository("smoke/test"), artifact, "1");
  const [list, archive] = [join(folder, "list.txt"), join(folder, "out.tar.gz")];
  await writeFile(list, `${near.host}/smoke/test:1\n`);
  await run("save", "-f", list, "-d", archive, "--cache-dir", join(folder, "cache"), "-o", join(folder, "failed.txt"));
  await run("load", "-s", archive, "-d", `${far.host}/copy`, "-o", join(folder, "failed.txt"));
  const arrived = await far.store.repository("copy/smoke/test").resolve("1");
  if (arrived?.digest !== artifact.root.digest)
    throw new Error(`expected ${artifact.root.digest}, got ${arrived?.digest}`);
  process.stdout.write(`the same digest on both sides: ${arrived.digest}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
