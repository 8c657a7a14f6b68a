/** What can be loaded: an archive or folder where it lies, or what comes out of a pipe. */
import { basename } from "node:path";
import { sha256Of } from "../archive/checksums.ts";
import { checksumsOf, findParts } from "../archive/parts.ts";
import { readContents, withoutStale } from "../archive/reader.ts";
import { openVolume, type Volume, volumeRange } from "../archive/volume.ts";
import type { ByteStream } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import type { Call } from "../store/store.ts";
import { openListless } from "./listless.ts";
import { type OpenOptions, openStore, openTree } from "./open.ts";
import { type Loadable, loadableFrom, openPipe } from "./pipe.ts";

export interface LoadableOptions extends OpenOptions {
  readonly onWarning: (message: string) => void;
}

/**
 * Opens an archive or a folder for copying from. With `holes`, what is damaged or missing keeps nobody from reading the rest:
 * an archive whose index cannot be read is read from its beginning, as far as it goes. Throws as openStore() does, and where
 * it is not known that a first part belongs to the others.
 */
export async function openLoadable(paths: readonly string[], options: LoadableOptions): Promise<Loadable> {
  try {
    return loadableFrom(await openStore(paths, options));
  } catch (error) {
    if (!options.holes || !(error instanceof AppError) || error.code !== "INTEGRITY") throw error;
    // With an index, what stands at the beginning is of another archive, or damaged itself, or the index is of another one.
    const listless = (await hasIndex(paths, options)) && (await openWithoutList(paths, options).catch(() => undefined));
    if (listless) return listless;
    options.signal?.throwIfAborted();
    await requireFirst(paths, error, options);
    options.onWarning(`${error.message}; reading it from its beginning, as far as it goes`);
    return openFromBeginning(paths, options).catch(() => Promise.reject(error));
  }
}

async function hasIndex(paths: readonly string[], options: LoadableOptions): Promise<boolean> {
  const found = await findParts(paths, options);
  await using volume = await openVolume(found.paths, found.name, options);
  try {
    await readContents(await withoutStale(volume, options), options);
    return true;
  } catch {
    return false;
  }
}

async function openWithoutList(paths: readonly string[], options: LoadableOptions): Promise<Loadable> {
  const store = await openListless(await openTree(paths, options), paths[0] ?? "", options);
  options.onWarning(
    "the list of images is damaged: they are taken from the index beside it, without what is attached to them",
  );
  return loadableFrom(store);
}

/** Without an index, a first part of another archive would give that one's images. Throws `error` where it may be such a one. */
async function requireFirst(paths: readonly string[], error: AppError, options: LoadableOptions): Promise<void> {
  const parts = await findParts(paths, options);
  const [first] = parts.paths;
  if (parts.paths.length === 1 || first === undefined) return;
  if (parts.missing.includes(first)) throw error;
  const sum = (await checksumsOf(parts)).get(basename(first));
  if (sum !== undefined && sum === (await sha256Of(first, options))) return;
  throw new AppError("INTEGRITY", error.message, {
    cause: error,
    hint: `nothing tells that "${first}" is a part of that archive: its list of checksums (.sha256) ${sum === undefined ? "is not here" : "has another"}`,
  });
}

async function openFromBeginning(paths: readonly string[], options: LoadableOptions): Promise<Loadable> {
  const found = await findParts(paths, options);
  const volume = await openVolume(found.paths, found.name, options);
  try {
    const piped = await openPipe(bytesOf(volume, options), { ...options, name: found.name });
    return {
      ...piped,
      async [Symbol.asyncDispose]() {
        await piped[Symbol.asyncDispose]();
        await volume[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await volume[Symbol.asyncDispose]();
    throw error;
  }
}

/** All bytes up to the first that is missing, which is what it throws then. */
async function* bytesOf(volume: Volume, { signal }: Call): ByteStream {
  for (const { start, size, present = size } of volume.parts) {
    yield* volumeRange(volume, start, present, { signal });
    if (present < size) await volume.read(start + present, start + present + 1, { signal });
  }
}
