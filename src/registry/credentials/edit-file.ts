/** A small file changed in place as far as others can see: one writer at a time, whole before it is there, links kept. */
import { constants } from "node:fs";
import { mkdir, open, readFile, readlink, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { writeFully } from "../../bytes/file.ts";
import { lockFile } from "../../bytes/file-lock.ts";
import { encode } from "../../bytes/stream.ts";
import { AppError, reasonOf } from "../../errors.ts";
import type { Call } from "../../store/store.ts";

const ELSEWHERE = "keep logins in another file with --authfile FILE";
/** As many as Linux follows. */
const MOST_LINKS = 40;

/**
 * Replaces the text of a file by what `change` makes of it; undefined leaves it. An absent file is an empty text. The new one
 * may be read by its owner only, and so may folders that are made on the way. What `change` throws leaves the file as it
 * was. Throws STORAGE.
 */
export async function editFile(
  path: string,
  change: (text: string) => string | undefined,
  { signal }: Call = {},
): Promise<void> {
  try {
    const target = await followLinks(path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const unlock = await lockFile(target, signal);
    try {
      const old = await readFile(target, "utf8").catch(orAbsent);
      const text = change(old ?? "");
      if (text !== undefined) await replace(target, text);
    } finally {
      await unlock();
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AppError) throw error;
    throw new AppError("STORAGE", `Cannot write "${path}": ${reasonOf(error)}`, { cause: error, hint: ELSEWHERE });
  }
}

/** Where a path leads, also where nothing is there yet. */
async function followLinks(path: string): Promise<string> {
  let at = path;
  for (let link = 0; link < MOST_LINKS; link++) {
    const next = await readlink(at).catch(() => undefined);
    if (next === undefined) return at;
    at = resolve(dirname(at), next);
  }
  throw new AppError("STORAGE", `Cannot write "${path}": its links lead nowhere`, { hint: ELSEWHERE });
}

async function replace(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  const old = await stat(path).catch(orAbsent);
  try {
    await rm(temporary, { force: true });
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
    const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      await writeFully(file, [encode(text)]);
      // Root may log in for somebody else, who must be able to read it.
      if (old) await file.chown(old.uid, old.gid).catch(() => {});
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function orAbsent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}
