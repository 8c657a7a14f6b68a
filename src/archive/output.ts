/** Where the bytes of an archive go: files that are not there until all of them are whole. */
import { open, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { onDisk } from "../bytes/disk.ts";
import type { Bytes } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import { type CheckedFile, checkedFile } from "./checked-file.ts";
import { checksumsPath, writeChecksums } from "./checksums.ts";
import { createIncomplete, type IncompleteFile, incompletePath, overtaken } from "./incomplete-file.ts";
import { parsePartPath, partPath, partsBeside } from "./parts.ts";

/** Takes bytes in the order of the calls, which need not wait for each other. */
export interface Output extends AsyncDisposable {
  /** Bytes given so far. */
  readonly position: number;
  /** Resolves when the caller may use `bytes` for something else. */
  write(bytes: Bytes): Promise<void>;
  /** Forgets all bytes from `position` on. Absent where they are gone already. */
  truncate?(position: number): Promise<void>;
  /** Makes what was written last. Disposing without it leaves nothing behind. */
  finish(): Promise<void>;
}

export interface FileOutputOptions {
  /** Bytes of every part but the last, which are `<path>.part0`, `.part1`, ... Default: one file, `path` itself. */
  readonly partSize?: number | undefined;
  /** Also writes `<path>.sha256`, a line for each file as `sha256sum -c` reads them. Default: with parts. */
  readonly checksum?: boolean | undefined;
}

/** No part has a higher number than names can tell. */
const MOST_PARTS = 1_000_000;

/**
 * The file `path`, or its parts, written beside their places under other names. finish() syncs them to the disk and renames
 * them, over older ones if need be, which are there until then; after that, what an earlier archive of that name left over
 * is removed. What a killed run left unfinished goes at once. Parts that are full are closed. Throws STORAGE, now or later,
 * where the system refuses.
 */
export async function fileOutput(path: string, options: FileOutputOptions = {}): Promise<Output> {
  const { partSize, checksum = partSize !== undefined } = options;
  const size = partSize ?? Number.MAX_SAFE_INTEGER;
  const files: Promise<IncompleteFile | CheckedFile>[] = [];
  const lengths: number[] = [];
  let position = 0;

  async function create(number: number): Promise<IncompleteFile | CheckedFile> {
    if (number >= MOST_PARTS)
      throw new AppError("STORAGE", `Cannot write "${path}": it has more than ${MOST_PARTS} parts`, {
        hint: "choose larger parts",
      });
    // The first one stays open, and so tells for all whether another run has begun: its parts must not be touched.
    if (number > 0 && !(await (await files[0]!).isOurs())) throw overtaken(path);
    const file = await createIncomplete(partSize === undefined ? path : partPath(path, number));
    return checksum ? checkedFile(file) : file;
  }
  function fileOf(number: number): Promise<IncompleteFile> {
    const file = (files[number] ??= create(number));
    file.catch(() => {}); // whoever writes to it hears of it
    return file;
  }
  async function writePart(number: number, bytes: Bytes, at: number): Promise<void> {
    const file = await fileOf(number);
    await file.write(bytes, at);
    lengths[number] = (lengths[number] ?? 0) + bytes.length;
    // Waited for, so that never more files are open than are written at once.
    if (number > 0 && lengths[number] === size) await file.seal();
  }
  async function finish(): Promise<void> {
    const whole = await Promise.all(files);
    const sums = new Map<string, string>();
    for (const file of whole) if ("sha256" in file) sums.set(basename(file.path), await file.sha256());
    for (const file of whole.toReversed()) await file.seal();
    for (const file of whole) await file.publish();
    await onDisk(path, async () => {
      const names = whole.map((file) => basename(file.path));
      if (checksum) await writeChecksums(path, sums);
      await removeOlder(path, new Set(checksum ? [...names, basename(checksumsPath(path))] : names));
    });
    await syncFolder(dirname(path));
  }
  await removeUnfinished(path);
  await fileOf(0);
  return {
    get position() {
      return position;
    },
    async write(bytes) {
      const from = position;
      position += bytes.length;
      for (let at = from; at < from + bytes.length; ) {
        const number = Math.floor(at / size);
        const part = bytes.subarray(at - from, (number + 1) * size - from);
        await writePart(number, part, at - number * size);
        at += part.length;
      }
    },
    async truncate(to) {
      const last = Math.floor(Math.max(0, to - 1) / size);
      for (const file of files.splice(last + 1)) await (await file).discard();
      await (await files[last]!).truncate(to - last * size);
      lengths.splice(last, lengths.length, to - last * size);
      position = to;
    },
    finish,
    async [Symbol.asyncDispose]() {
      const made = (await Promise.allSettled(files)).flatMap((file) =>
        file.status === "fulfilled" ? [file.value] : [],
      );
      const isOurs = await made[0]?.isOurs();
      for (const file of made) await file.discard(isOurs);
    },
  };
}

/** What killed runs left of an archive of that name, in one file or in parts. */
async function removeUnfinished(path: string): Promise<void> {
  const whole = [path, checksumsPath(path)].map((one) => basename(incompletePath(one)));
  const names = await readdir(dirname(path)).catch(() => []);
  for (const name of names) {
    const part = /^\.(.+)\.incomplete$/s.exec(name)?.[1];
    if (whole.includes(name) || (part && parsePartPath(part)?.archive === basename(path)))
      await onDisk(path, () => rm(join(dirname(path), name), { force: true }));
  }
}

/** What an archive of the same name was in before: other parts, or one file, or a checksum that is not of this one. */
async function removeOlder(path: string, written: ReadonlySet<string>): Promise<void> {
  const older = [path, checksumsPath(path), ...(await partsBeside(path)).values()];
  for (const one of older) if (!written.has(basename(one))) await rm(one, { force: true });
}

/** So that the new name outlives a power cut. Network file systems refuse, and then there is nothing more to do. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path);
    await folder.sync().finally(() => folder.close());
  } catch {
    return;
  }
}
