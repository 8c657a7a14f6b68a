import { describe, expect, test } from "bun:test";
import { open, readFile, readlink, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Format } from "../../src/archive/format.ts";
import { tarHeader } from "../../src/archive/tar.ts";
import type { Entry } from "../../src/archive/writer.ts";
import type { Bytes } from "../../src/bytes/stream.ts";
import { archiveOf, directoryEntry, fileEntry, linkEntry, noise, prose } from "../support/archive-entries.ts";
import { run } from "../support/run.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { requireTool } from "../support/tool.ts";

const MIB = 1 << 20;
const LONG = `saved-image-cache/share/${"long".repeat(40)}`;

const contents = new Map<string, Bytes>([
  ["saved-image-cache/saved-images-list.json", prose(700)],
  ["saved-image-cache/share/empty", new Uint8Array(0)],
  ["saved-image-cache/share/noise", noise(MIB + 77)],
  ["saved-image-cache/share/prose", prose(2 * MIB + 5)],
  ["saved-image-cache/share/stored", noise(3 * MIB + 1)],
  ["saved-image-cache/share/ümlaut", prose(3)],
  [LONG, prose(65_535)],
]);

function entries(): Entry[] {
  return [
    directoryEntry("saved-image-cache"),
    directoryEntry("saved-image-cache/share"),
    linkEntry("saved-image-cache/blobs", "share"),
    ...[...contents].map(([path, bytes]) => fileEntry(path, bytes, { compressed: path.endsWith("stored") })),
  ];
}

async function unpacked(format: Format, unpack: (archive: string, into: string) => Promise<unknown>): Promise<void> {
  await using folder = await temporaryFolder();
  const archive = join(folder.path, "archive");
  await writeFile(archive, await archiveOf(entries(), { format }));
  expect(await unpack(archive, folder.path)).toEqual({ code: 0, stdout: "", stderr: "" });
  for (const [path, bytes] of contents) expect(Buffer.compare(await readFile(join(folder.path, path)), bytes)).toBe(0);
  expect(await readlink(join(folder.path, "saved-image-cache/blobs"))).toBe("share");
  expect((await stat(join(folder.path, "saved-image-cache/share/prose"))).mtimeMs).toBe(0);
}

/** A test whose title says why it does not run. */
function tool(title: string, tools: string[], work: () => Promise<unknown>): void {
  const missing = tools.map(requireTool).filter((reason) => reason !== undefined);
  test.skipIf(missing.length > 0)(missing.length > 0 ? `${title} (${missing.join(", ")})` : title, async () => {
    await work();
  });
}

describe("programs of others read our archives without a warning", () => {
  tool("tar reads gzip", ["tar", "gzip"], () =>
    unpacked("gzip", (archive, into) => run("tar", ["-xzf", archive, "-C", into])),
  );
  tool("tar reads zstd", ["tar", "zstd"], () =>
    unpacked("zstd", (archive, into) => run("tar", ["--zstd", "-xf", archive, "-C", into])),
  );
  tool("tar reads plain tar", ["tar"], () =>
    unpacked("tar", (archive, into) => run("tar", ["-xf", archive, "-C", into])),
  );
  tool("tar reads gzip from a pipe", ["tar", "gzip"], () =>
    unpacked("gzip", (archive, into) =>
      run("bash", ["-c", `set -o pipefail; gzip -dc "$0" | tar -xf - -C "$1"`, archive, into]),
    ),
  );
  tool("tar reads zstd from a pipe", ["tar", "zstd"], () =>
    unpacked("zstd", (archive, into) =>
      run("bash", ["-c", `set -o pipefail; zstd -dc "$0" | tar -xf - -C "$1"`, archive, into]),
    ),
  );
  for (const format of ["gzip", "zstd", "tar"] as const)
    tool(`bsdtar reads ${format}`, ["bsdtar"], () =>
      unpacked(format, (archive, into) => run("bsdtar", ["-xf", archive, "-C", into])),
    );
  tool("gzip -t", ["gzip"], () => tested("gzip", "gzip", ["-t"]));
  tool("zstd -t, with the smallest window", ["zstd"], () => tested("zstd", "zstd", ["-tq", "--memory=1MB"]));
});

async function tested(format: Format, program: string, args: string[]): Promise<void> {
  await using folder = await temporaryFolder();
  const archive = join(folder.path, format === "gzip" ? "archive.gz" : "archive.zst");
  await writeFile(archive, await archiveOf(entries(), { format }));
  expect(await run(program, [...args, archive])).toEqual({ code: 0, stdout: "", stderr: "" });
}

tool("tar lists what stands in the index, then the index itself", ["tar", "gzip"], async () => {
  await using folder = await temporaryFolder();
  const archive = join(folder.path, "archive");
  await writeFile(archive, await archiveOf(entries(), { format: "gzip" }));
  const { stdout } = await run("tar", ["--quoting-style=literal", "-tzf", archive], { LC_ALL: "C.UTF-8" });
  expect(stdout.trim().split("\n")).toEqual([
    "saved-image-cache/",
    "saved-image-cache/share/",
    "saved-image-cache/blobs",
    ...contents.keys(),
    "saved-image-cache/.dray/index.json",
  ]);
});

tool("tar understands a size of 9 GiB", ["tar"], async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "sparse.tar");
  const size = 9 * 2 ** 30;
  const header = tarHeader({ path: "large", type: "file", size });
  const file = await open(path, "w");
  await file.write(header);
  await file.truncate(header.length + size + 1024);
  await file.close();
  const { stdout, stderr } = await run("tar", ["-tvf", path]);
  expect(stderr).toBe("");
  expect(stdout).toContain(` ${size} 1970-01-01`);
});
