/** What can be loaded: an archive or folder where it lies, or what comes out of a pipe. */
import { findParts } from "../archive/parts.ts";
import { readContents, withoutStale } from "../archive/reader.ts";
import { volumeRange } from "../archive/tar-tree.ts";
import { openVolume } from "../archive/volume.ts";
import { AppError } from "../errors.ts";
import { copy } from "./copy.ts";
import { openListless } from "./listless.ts";
import { type OpenOptions, openStore, openTree } from "./open.ts";
import { openPipe, type Piped } from "./pipe.ts";

export interface LoadableOptions extends OpenOptions {
  readonly onWarning: (message: string) => void;
}

/**
 * Opens an archive or a folder for copying from. With `holes`, what is damaged or missing keeps nobody from reading the rest:
 * an archive whose index cannot be read is read from its beginning, as far as it goes. Throws as openStore() does.
 */
export async function openLoadable(paths: readonly string[], options: LoadableOptions): Promise<Piped> {
  try {
    const store = await openStore(paths, options);
    return { store, copy, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
  } catch (error) {
    if (!options.holes || !(error instanceof AppError) || error.code !== "INTEGRITY") throw error;
    // With an index, what stands at the beginning is of another archive, or damaged itself.
    if (await hasIndex(paths, options)) return openWithoutList(paths, options).catch(() => Promise.reject(error));
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

async function openWithoutList(paths: readonly string[], options: LoadableOptions): Promise<Piped> {
  const store = await openListless(await openTree(paths, options), paths[0] ?? "", options);
  options.onWarning(
    "the list of images is damaged: they are taken from the index beside it, without what is attached to them",
  );
  return { store, copy, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

async function openFromBeginning(paths: readonly string[], options: LoadableOptions): Promise<Piped> {
  const found = await findParts(paths, options);
  const volume = await openVolume(found.paths, found.name, options);
  try {
    const bytes = volumeRange(volume, 0, volume.size, { signal: options.signal });
    const piped = await openPipe(bytes, { ...options, name: `"${found.name}"` });
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
