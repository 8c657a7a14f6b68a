/**
 * A disk that is full, or refuses in other ways: one clear line, exit 1, nothing that looks finished and is not, the older
 * result whole, a list of what is to do; and the next run, with room, ends as if nothing had happened.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cp, mkdir, readdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { underPlan, WATCHED } from "../support/disk-plan.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { type CountingRegistry, everything, imagesAt, startCountingRegistry } from "../support/killed.ts";
import { pushTo } from "../support/push.ts";
import { image, layer, multiPlatform } from "../support/random-image.ts";
import { type Ended, run } from "../support/run.ts";
import { requireRoot } from "../support/tool.ts";

setDefaultTimeout(60_000);

const IMAGES = {
  small: image({ seed: "full small", size: 30_000 }),
  one: image({ seed: "full one", layers: [layer("full a", 1_500_000), layer("full b", 700_000)] }),
  plain: image({ seed: "full plain", layers: [layer("full c", 3_000_000, "none")] }),
  two: multiPlatform(["linux/amd64", "linux/arm64"], { seed: "full two", size: 300_000 }),
};
const env = { SOURCE_DATE_EPOCH: "1700000000" };
const FULL = "no space is left on the disk";

let registry: CountingRegistry;
let place: Workplace;
/** Holds what runs begin with, and what they come to. */
let store: Workplace;
const lines = (...names: string[]): string => names.map((name) => `${registry.host}/test/${name}:v1\n`).join("");
const dray = (args: readonly string[], ...names: string[]): Promise<Ended> =>
  place.dray(args, { input: lines(...names), env });

beforeAll(async () => {
  store = await openWorkplace();
  registry = await startCountingRegistry();
  for (const [name, artifact] of Object.entries(IMAGES))
    await pushTo(registry.store.repository(`test/${name}`), artifact, "v1");
});
beforeEach(async () => {
  place = await openWorkplace();
});
afterEach(() => place[Symbol.asyncDispose]());
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await registry.close();
});

/** What a run says that failed: the reason, and what to do about it, are its last lines. */
function expectFailure({ code, stdout, stderr }: Ended, said: RegExp): void {
  expect(stderr).toMatch(said);
  expect(stderr.match(/^dray: /gm), stderr).toEqual(["dray: "]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
}

interface Refusal {
  readonly name: string;
  /** What is there before, and what is tried then. */
  readonly prepare: readonly (readonly [args: readonly string[], ...names: string[]])[];
  readonly args: readonly string[];
  readonly names: readonly string[];
  /** Of the calls to the disk: see disk-plan.ts. */
  readonly call: string;
  readonly after?: number;
  /** How many are refused. Default: all. */
  readonly times?: number;
  readonly code?: string;
  /** Pattern of what is said about what. */
  readonly said: string;
  /** The list of what is to do. */
  readonly failed: string;
  readonly result: string;
  /** It was whole already when the disk refused. */
  readonly isDone?: boolean;
}

const SAVE = {
  prepare: [[["save"], "small"]],
  args: ["save"],
  names: ["one", "two"],
  failed: "save-failed.txt",
  result: "saved-images.tar.gz",
} as const;
const UNFINISHED = "\\.saved-images\\.tar\\.gz\\.incomplete$";
const ARCHIVE = '"saved-images.tar.gz"';
const COMPRESS = {
  prepare: [
    [["save"], "small"],
    [["sync", "-d", "saved-image-cache"], "one", "two"],
  ],
  args: ["compress"],
  names: ["small", "one", "two"],
  failed: "compress-failed.txt",
  result: "saved-images.tar.gz",
} as const;
const DECOMPRESS = {
  prepare: [
    [["save", "-c", "dir"], "small"],
    [["save", "-d", "all.tar.gz", "--cache-dir", "other"], "one", "two"],
  ],
  args: ["decompress", "-f", "all.tar.gz", "-d", "saved-images"],
  names: ["one", "two"],
  failed: "decompress-failed.txt",
  result: "saved-images",
} as const;
const SYNC = {
  prepare: [[["sync", "-d", "saved-images"], "small"]],
  args: ["sync", "-d", "saved-images"],
  names: ["one", "two"],
  failed: "sync-failed.txt",
  result: "saved-images",
} as const;
const DIR = {
  ...SAVE,
  prepare: [[["save", "-c", "dir"], "small"]],
  args: ["save", "-c", "dir"],
  result: "saved-images",
} as const;
const PARTS = {
  ...SAVE,
  prepare: [[["save", "--part-size", "64k"], "small"]],
  args: ["save", "--part-size", "1M"],
} as const;

const REFUSALS: readonly Refusal[] = [
  {
    ...SAVE,
    name: "a blob of the cache",
    call: "^writev .*/\\.partial/",
    after: 2,
    said: `".*/share/sha256/[0-9a-f]{64}": ${FULL}`,
  },
  {
    ...SAVE,
    name: "a blob's rename",
    call: "^rename .*/share/",
    after: 2,
    said: `".*/share/sha256/[0-9a-f]{64}": ${FULL}`,
  },
  { ...SAVE, name: "the archive", call: `^writev ${UNFINISHED}`, said: `${ARCHIVE}: ${FULL}` },
  { ...SAVE, name: "the archive's last byte", call: `^writev ${UNFINISHED}`, after: 2, said: `${ARCHIVE}: ${FULL}` },
  {
    ...SAVE,
    name: "the archive, by quota",
    call: `^writev ${UNFINISHED}`,
    code: "EDQUOT",
    said: `${ARCHIVE}: the disk quota is used up`,
  },
  { ...SAVE, name: "the archive's sync", call: `^sync ${UNFINISHED}`, said: `${ARCHIVE}: ${FULL}` },
  {
    ...SAVE,
    name: "the archive's sync, by the disk",
    call: `^sync ${UNFINISHED}`,
    code: "EIO",
    said: `${ARCHIVE}: the disk has a fault`,
  },
  { ...SAVE, name: "the archive's rename", call: "^rename saved-images.tar.gz$", said: `${ARCHIVE}: ${FULL}` },
  {
    ...SAVE,
    name: "the archive's beginning",
    call: `^open ${UNFINISHED}`,
    code: "EROFS",
    said: `${ARCHIVE}: the disk is read-only`,
  },
  {
    ...SAVE,
    name: "the cache's list",
    call: "^writev .*/\\.partial/document",
    after: 4,
    said: `"saved-image-cache": ${FULL}`,
    isDone: true,
  },
  {
    ...PARTS,
    name: "the last part",
    call: "^writev \\.saved-images.tar.gz.part2",
    said: `".*saved-images.tar.gz.part2": ${FULL}`,
  },
  {
    ...PARTS,
    name: "a part's sync",
    call: "^sync \\.saved-images.tar.gz.part1",
    said: `".*saved-images.tar.gz.part1": ${FULL}`,
  },
  { ...DIR, name: "a folder's rename", call: "^rename .*saved-images$", times: 1, said: `"saved-images": ${FULL}` },
  {
    ...DIR,
    name: "a folder's blob",
    call: "^writev .*/\\.partial/",
    after: 2,
    said: `".*/share/sha256/[0-9a-f]{64}": ${FULL}`,
  },
  {
    ...SYNC,
    name: "a blob of sync",
    call: "^writev .*/\\.partial/",
    after: 2,
    said: `".*/share/sha256/[0-9a-f]{64}": ${FULL}`,
  },
  { ...SYNC, name: "the list of sync", call: "^rename .*/saved-images-list.json", said: `"saved-images": ${FULL}` },
  {
    ...COMPRESS,
    name: "the archive of compress",
    call: `^writev ${UNFINISHED}`,
    after: 1,
    said: `${ARCHIVE}: ${FULL}`,
  },
  { ...COMPRESS, name: "the sync of compress", call: `^sync ${UNFINISHED}`, said: `${ARCHIVE}: ${FULL}` },
  {
    ...DECOMPRESS,
    name: "a blob of decompress",
    call: "^writev .*/\\.partial/",
    after: 2,
    said: `".*/share/sha256/[0-9a-f]{64}": ${FULL}`,
  },
  {
    ...DECOMPRESS,
    name: "the list of decompress",
    call: "^sync .*/\\.partial/document",
    said: `"saved-images": ${FULL}`,
  },
];

/** What is there after these runs; they are done once. */
const stages = new Map<string, Promise<string>>();
function staged(runs: Refusal["prepare"]): Promise<string> {
  const key = JSON.stringify(runs);
  const known = stages.get(key) ?? stage(runs);
  stages.set(key, known);
  return known;
}

async function stage(runs: Refusal["prepare"]): Promise<string> {
  await using made = await openWorkplace();
  for (const [args, ...names] of runs)
    expect(await made.dray(args, { input: names.length > 0 ? lines(...names) : "", env })).toMatchObject({ code: 0 });
  const folder = store.file(String(stages.size));
  await cp(made.path, folder, { recursive: true, verbatimSymlinks: true });
  return folder;
}

describe("refused:", () => {
  test.each([...REFUSALS])("$name", async (refusal) => {
    const { prepare, args, call, after = 0, times, code = "ENOSPC", said, failed, result, isDone } = refusal;
    const names = args[0] === "save" || args[0] === "sync" ? refusal.names : [];
    const input = lines(...names);
    await cp(await staged(prepare), place.path, { recursive: true, verbatimSymlinks: true });
    const undisturbed = await staged([...prepare, [args, ...names]]);
    const older = await imagesAt(place.file(result));
    const before = await readdir(place.path);

    const plan = underPlan({ refuse: { call, code, after, ...(times ? { times } : {}) } });
    expectFailure(
      await place.start(args, { runtime: WATCHED, input, env: { ...env, ...plan } }).ended,
      new RegExp(`^dray: Cannot write ${said}`, "m"),
    );
    const cache = result === "saved-images.tar.gz" || args.includes("dir") ? ["saved-image-cache"] : [];
    expect((await readdir(place.path)).sort()).toEqual([...new Set([...before, ...cache, failed])].sort());
    expect(await imagesAt(place.file(result))).toEqual(isDone ? await imagesAt(join(undisturbed, result)) : older);
    expect(await Bun.file(place.file(failed)).text()).toBe(lines(...refusal.names));

    expect(await place.dray(args, { input, env })).toMatchObject({ code: 0 });
    expect(await everything(place.path)).toEqual(await everything(undisturbed));
  });

  test("the list of what is to do, too", async () => {
    const refuse = {
      call: `^(?:writev ${UNFINISHED}|writeFile save-failed.txt|appendFile save-failed.txt)`,
      code: "ENOSPC",
    };
    const ended = await place.start(["save"], {
      runtime: WATCHED,
      input: lines("one", "two"),
      env: { ...env, ...underPlan({ refuse }) },
    }).ended;
    expectFailure(ended, new RegExp(`^dray: Cannot write ${ARCHIVE}: ${FULL}$`, "m"));
    expect(ended.stderr).toMatch(
      /what is not done is listed nowhere: Cannot write "save-failed.txt": no space is left/,
    );
    expect(await readdir(place.path)).toEqual(["saved-image-cache"]);
  });

  test("that list alone: its lines are told, and the result", async () => {
    const refuse = { call: "^writeFile save-failed.txt", code: "ENOSPC" };
    const ended = await place.start(["save"], {
      runtime: WATCHED,
      input: lines("one", "none"),
      env: { ...env, ...underPlan({ refuse }) },
    }).ended;
    expect(ended).toMatchObject({ code: 1, stdout: expect.stringMatching(/^Saved 1 image, 1 failed;/) });
    expect(ended.stderr).toMatch(/FAILED \[\S*\/test\/none:v1\]/);
    expect(ended.stderr).toMatch(/^dray: Cannot write "save-failed.txt": no space is left on the disk$/m);
    expect((await readdir(place.path)).sort()).toEqual(["saved-image-cache", "saved-images.tar.gz"]);
  });
});

test("a folder that vanishes while an archive is written into it", async () => {
  await mkdir(place.file("out"));
  registry.limit({ requests: 12 }, () => void rm(place.file("out"), { recursive: true }));
  const ended = await dray(["save", "-d", "out/all.tar.gz"], "one", "two");
  expectFailure(
    ended,
    /^dray: Cannot write "out\/all\.tar\.gz": it was removed, or another run writes it at the same time$/m,
  );
  expect((await readdir(place.path)).sort()).toEqual(["save-failed.txt", "saved-image-cache"]);
  expect(await dray(["save", "-d", "all.tar.gz"], "one", "two")).toMatchObject({ code: 0 });
});

test("files that may not grow any more", async () => {
  const limited = ["sh", "-c", 'ulimit -f 4000 && exec "$0" "$@"', ...(WATCHED as string[])];
  const ended = await place.start(["save", "-d", "all.tar"], { runtime: limited, input: lines("one", "two"), env })
    .ended;
  expectFailure(ended, /^dray: Cannot write "all\.tar": the file grew larger than its file system or limits allow$/m);
  expect((await readdir(place.path)).sort()).toEqual(["save-failed.txt", "saved-image-cache"]);
  expect(await dray(["save", "-d", "all.tar"], "one", "two")).toMatchObject({ code: 0 });
});

describe.skipIf(requireRoot() !== undefined)("a small disk", () => {
  beforeEach(async () => {
    await mkdir(place.file("disk"));
    expect(await run("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", place.file("disk")])).toMatchObject({
      code: 0,
    });
  });
  afterEach(async () => {
    await run("umount", ["--lazy", place.file("disk")]);
  });

  /** Leaves no more than that many bytes of it. */
  async function fill(left = 0): Promise<void> {
    const { bavail, bsize } = await statfs(place.file("disk"));
    await writeFile(place.file("disk/filler"), new Uint8Array(Math.max(0, bavail * bsize - left))).catch(() => {});
  }
  async function onDisk(): Promise<string[]> {
    return (await readdir(place.file("disk"))).sort();
  }

  // Nobody knows before how far the uncompressed layer shrinks: that there is no room shows while it is written.
  test.each([
    ["the archive", [], ["all.tar.gz"]],
    ["an archive in parts", ["--part-size", "700k"], ["all.tar.gz.part0", "all.tar.gz.sha256"]],
  ])("is full in the middle of %s", async (_, flags, before) => {
    const args = ["save", "-d", "disk/all.tar.gz", ...flags];
    expect(await dray(args, "small")).toMatchObject({ code: 0 });
    const older = await imagesAt(place.file("disk/all.tar.gz"));
    await fill(2 << 20);
    const said = /^dray: Cannot write "disk\/all\.tar\.gz(?:\.part\d)?": no space is left on the disk$/m;
    expectFailure(await dray(args, "plain"), said);
    expect(await onDisk()).toEqual([...before, "filler"]);
    expect(await imagesAt(place.file("disk/all.tar.gz"))).toEqual(older!);
    await rm(place.file("disk/filler"));
    expect(await dray(args, "plain")).toMatchObject({ code: 0 });
    expect(await imagesAt(place.file("disk/all.tar.gz"))).toHaveLength(1);
  });

  test("is full in the middle of the cache", async () => {
    const args = ["save", "--cache-dir", "disk/cache", "-o", "disk/failed.txt"];
    expect(await dray(args, "small")).toMatchObject({ code: 0 });
    registry.limit({ bytes: 500_000 }, () => void fill());
    expectFailure(
      await dray(args, "one", "two"),
      /^dray: Cannot write "disk\/cache.*": (?:no space is left|it needs .* free)/m,
    );
    expect((await onDisk()).filter((name) => name !== "failed.txt")).toEqual(["cache", "filler"]);
    expect(await imagesAt(place.file("disk/cache"))).toHaveLength(1);
    await rm(place.file("disk/filler"));
    expect(await dray(args, "one", "two")).toMatchObject({ code: 0 });
    expect(await imagesAt(place.file("saved-images.tar.gz"))).toHaveLength(2);
  });

  test("is too small from the beginning: nothing is fetched but manifests", async () => {
    await fill(1 << 20);
    registry.reset();
    expectFailure(
      await dray(["save", "-d", "disk/all.tar.gz"], "one", "two"),
      /^dray: Cannot write "disk\/all\.tar\.gz": it needs .* are free$/m,
    );
    expect(await onDisk()).toEqual(["filler"]);
  });

  test("is read-only", async () => {
    await run("mount", ["-o", "remount,ro", place.file("disk")]);
    expectFailure(
      await dray(["save", "-d", "disk/all.tar.gz"], "one"),
      /^dray: Cannot write "disk\/all\.tar\.gz": the disk is read-only$/m,
    );
    expectFailure(
      await dray(["save", "--cache-dir", "disk/cache"], "one"),
      /^dray: Cannot write "disk\/cache": the disk is read-only$/m,
    );
    expectFailure(
      await dray(["sync", "-d", "disk/cache"], "one"),
      /^dray: Cannot write "disk\/cache": the disk is read-only$/m,
    );
    expect(await onDisk()).toEqual([]);
  });

  test("is full for decompress", async () => {
    expect(await dray(["save", "-d", "all.tar.gz"], "one", "two")).toMatchObject({ code: 0 });
    await fill(1 << 20);
    const ended = await dray(["decompress", "-f", "all.tar.gz", "-d", "disk/out"]);
    expectFailure(ended, /^dray: Cannot write "disk\/out.*": (?:no space is left on the disk|it needs .* are free)$/m);
    expect(await Bun.file(place.file("disk/out/saved-images-list.json")).exists()).toBe(false);
    await rm(place.file("disk/filler"));
    expect(await dray(["decompress", "-f", "all.tar.gz", "-d", "disk/out"])).toMatchObject({ code: 0 });
    expect(await imagesAt(place.file("disk/out"))).toHaveLength(2);
  });
});
