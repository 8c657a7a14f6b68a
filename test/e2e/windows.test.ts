/** Archives of others in zstd with a window of 32 MiB, of which all is needed, as Hangar writes them: read from a file and a pipe. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { open, rm, stat, writeFile } from "node:fs/promises";
import { commandOf, openWorkplace } from "../support/dray.ts";
import { ociFiles } from "../support/foreign-layouts.ts";
import { image, part, randomBytes } from "../support/random-image.ts";
import { tarOf } from "../support/random-layer.ts";
import { rawTar } from "../support/raw-tar.ts";
import { startRegistry } from "../support/registry.ts";
import { run, runWell } from "../support/run.ts";
import { requireTool } from "../support/tool.ts";

setDefaultTimeout(60_000);

const MIB = 1 << 20;

/** The same MiB twice, as far from itself as such a window reaches. */
function farRepeated() {
  const again = randomBytes("again", MIB);
  const tar = tarOf({ one: again, between: randomBytes("between", 30 * MIB), two: again });
  const layer = part("application/vnd.oci.image.layer.v1.tar", tar);
  return { ...layer, diffID: layer.descriptor.digest };
}

const missing = ["zstd", "bash"].map(requireTool).find((reason) => reason !== undefined);

test.skipIf(missing !== undefined)(
  "what refers 31 MiB back in a zstd file arrives whole",
  async () => {
    await using work = await openWorkplace();
    const artifact = image({ layers: [farRepeated()] });
    const files = ociFiles([{ name: "docker.io/team/far", tag: "1", artifact }]);
    const tar = rawTar(...Object.entries(files).map(([name, content]) => ({ name, content })));
    await writeFile(work.file("x.tar"), tar);
    await runWell("zstd", ["-q", "-1", "--long=25", work.file("x.tar"), "-o", work.file("x.tar.zst")]);
    await rm(work.file("x.tar"));
    const path = work.file("x.tar.zst");
    expect((await stat(path)).size).toBeLessThan(tar.length - 0.9 * MIB);
    expect(await windowOf(path)).toBe(32 * MIB);
    expect((await run("zstd", ["-tq", "--memory=16MB", path])).code).not.toBe(0);
    const piped = ["bash", "-c", 'cat x.tar.zst | exec "$@"', "bash", ...commandOf("bun")];
    for (const [source, runtime] of [
      ["x.tar.zst", undefined],
      ["-", piped],
    ] as const) {
      await using registry = await startRegistry();
      const args = ["load", "-s", source, "-d", registry.host];
      expect(await work.dray(args, { runtime, env: { PATH: process.env.PATH! } })).toMatchObject({ code: 0 });
      const repository = registry.store.repository("team/far");
      expect((await repository.resolve("1"))?.digest).toBe(artifact.root.digest);
      for (const { descriptor } of artifact.blobs) expect(await repository.has(descriptor)).toBe(true);
    }
  },
  60_000,
);

/** Bytes of the window that the first frame of a file asks for. RFC 8878, 3.1.1.1. */
async function windowOf(path: string): Promise<number | undefined> {
  const bytes = new Uint8Array(6);
  const file = await open(path);
  await file.read(bytes, 0, 6, 0);
  await file.close();
  const [descriptor, window] = [bytes[4]!, bytes[5]!];
  const isSingleSegment = (descriptor & 0x20) !== 0;
  return isSingleSegment ? undefined : 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8);
}
