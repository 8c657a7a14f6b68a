/** An archive that comes out of a pipe as a store: read in one pass where Dray wrote it, else spooled. */
import { tmpdir } from "node:os";
import { MOST_OF_A_BYTE, openSpooled, SPOOL_LIMIT, sniffContainer } from "../archive/container.ts";
import { decompressed } from "../archive/decompress.ts";
import { hasFooterIn } from "../archive/footer.ts";
import { SNIFFED } from "../archive/format.ts";
import { type PipedEntry, peek, pipedEntries } from "../archive/pipe.ts";
import { spool } from "../archive/spool.ts";
import { BLOCK, parseTarHeader } from "../archive/tar.ts";
import { type ByteStream, type Bytes, collect, streamOf } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import { DOCUMENT_LIMIT } from "../layout/document.ts";
import { LIST_FILE, ROOT } from "../layout/hangar.ts";
import { openHangar } from "../layout/hangar-store.ts";
import { digestOf } from "../oci/digest.ts";
import type { Call, Store, Tree, TreeFile } from "../store/store.ts";
import { type CopyOptions, copy } from "./copy.ts";
import { storeIn } from "./open.ts";
import { copyArriving } from "./pipe/copy.ts";
import { refusedPipe } from "./pipe/planner.ts";
import type { Wanted } from "./plan.ts";
import type { Summary } from "./summary.ts";

/**
 * Decompressed bytes that nobody wants and that are passed over, be the pipe ever so short. More than of what is spooled: a
 * plain layer of zeros that was not chosen may honestly shrink to nothing; and reading so many takes seconds.
 */
const PASS_LIMIT: number = 8 * 2 ** 30;

export interface PipeOptions extends Call {
  /** What messages call the pipe. */
  readonly name: string;
  /**
   * Where blobs lie while they are uploaded, or the whole where it cannot be read in one pass. Default: the system's folder
   * for temporary files.
   */
  readonly spoolFolder?: string | undefined;
  /** Bytes that nobody wants and that it may unpack to, be they ever so many more than it has itself. Default 8 GiB. */
  readonly passLimit?: number | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Hears that all of it is spooled, and where. */
  readonly onSpool?: ((name: string, folder: string) => void) | undefined;
}

/** Images, and the way to copy them from where they are. */
export interface Loadable extends AsyncDisposable {
  /** Of a pipe that is read in one pass: the images that it names at its beginning, whose content is for copy() alone. */
  readonly store: Store;
  /** Copies images of the store, as copy() does; from a pipe, names are given when it has ended. To be called once. */
  copy(wanted: readonly Wanted[], options: CopyOptions): Promise<Summary>;
}

/** A store that is copied from as all are. Disposing of it disposes of the store. */
export function loadableFrom(store: Store): Loadable {
  return { store, copy, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

/**
 * Reads a pipe as far as its list of images stands, or to its end. Any archive that Dray knows, its parts one behind the
 * other. Throws INTEGRITY where it is damaged or hostile, UNSUPPORTED where it is nothing that Dray reads, or unpacks to
 * more than can be believed, STORAGE where it must be spooled and cannot be.
 */
export async function openPipe(source: ByteStream, options: PipeOptions): Promise<Loadable> {
  const { name, signal, passLimit = PASS_LIMIT } = options;
  let taken = 0;
  async function* counted(): ByteStream {
    for await (const chunk of source) {
      signal?.throwIfAborted();
      taken += chunk.length;
      yield chunk;
    }
  }
  const { first, whole } = await peek(counted(), SNIFFED);
  if (first.length === 0)
    throw new AppError("UNSUPPORTED", `Cannot read "${name}": it is empty`, {
      hint: "look what the program says that was to write into it",
    });
  const container = sniffContainer(first);
  if (container === undefined) throw await unreadable(whole, name);
  const tar = container === "gzip" || container === "zstd" ? decompressed(whole, container, name) : whole;
  const begin = await peek(tar, 2 * BLOCK);
  const most = (least: number): number => Math.max(least, taken * MOST_OF_A_BYTE);
  if (container !== "zip" && isOwn(begin.first)) return readHead(begin.whole, () => most(passLimit), options);
  return spooled(begin.whole, () => most(SPOOL_LIMIT), options);
}

/** Why a pipe cannot be read that begins with nothing that we know: an archive that comes by later was joined wrongly. */
async function unreadable(stream: ByteStream, name: string): Promise<AppError> {
  const hint = "join the parts of an archive in the order of their numbers, part0 first";
  if (await hasFooterIn(stream))
    return new AppError("INTEGRITY", `Cannot read "${name}": it does not begin with the first part of its archive`, {
      hint,
    });
  return new AppError("UNSUPPORTED", `Cannot read "${name}": it is no gzip, zstd, tar or zip file`, { hint });
}

/** Dray's archives begin with two folders that nobody else writes. */
function isOwn(first: Bytes): boolean {
  const [root, own] = [parseTarHeader(first.subarray(0, BLOCK)), parseTarHeader(first.subarray(BLOCK, 2 * BLOCK))];
  return root?.path === ROOT && root.type === "directory" && own?.path === `${ROOT}/.dray` && own.type === "directory";
}

async function readHead(
  tar: ByteStream,
  limit: () => number,
  { name, spoolFolder = tmpdir(), onWarning, signal }: PipeOptions,
): Promise<Loadable> {
  function check(passed: number): void {
    if (passed > limit()) throw refusedPipe(name, `more than ${MOST_OF_A_BYTE} times its size is what nobody wants`);
  }
  const entries = pipedEntries(tar, name, { check, signal });
  try {
    const first = await firstList(entries, name);
    const listDigest = digestOf(first);
    const store = await listedStore(first, name, onWarning);
    return {
      store,
      copy: (wanted, options) =>
        copyArriving(wanted, entries, {
          ...options,
          name,
          spoolFolder,
          listDigest,
          namesIn: async (list) => namesOf(await listedStore(list, name)),
        }),
      [Symbol.asyncDispose]: async () => {
        await entries.return(undefined);
      },
    };
  } catch (error) {
    await entries.return(undefined);
    throw error;
  }
}

async function firstList(entries: AsyncGenerator<PipedEntry>, name: string): Promise<Bytes> {
  for (let next = await entries.next(); !next.done; next = await entries.next()) {
    const { path, size } = next.value;
    if (path !== `${ROOT}/${LIST_FILE}`) continue;
    const bytes = size > DOCUMENT_LIMIT ? undefined : await collect(next.value.open(), DOCUMENT_LIMIT);
    if (bytes) return bytes;
    throw new AppError("UNSUPPORTED", `Cannot read "${name}": its list is larger than ${DOCUMENT_LIMIT} bytes`);
  }
  throw new AppError("INTEGRITY", `Cannot read "${name}": it has no ${LIST_FILE}`);
}

/** The images of a list whose content is elsewhere: all of it is taken to be there, but for what the list says was left out. */
async function listedStore(list: Bytes, name: string, onWarning?: (message: string) => void): Promise<Store> {
  const elsewhere: TreeFile = { size: 0, open: () => streamOf() };
  let file: TreeFile | undefined = { size: list.length, open: () => streamOf(list) };
  const tree: Tree = {
    paths: () => [LIST_FILE],
    file: (path) => (path === LIST_FILE ? file : path.startsWith("share/") ? elsewhere : undefined),
    async [Symbol.asyncDispose]() {},
  };
  const store = await openHangar(tree, name, { onWarning });
  // Its bytes need not be held for as long as the store is.
  file = undefined;
  return store;
}

async function namesOf(store: Store): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for await (const { path, tag, root } of store.references()) names.add(`${path}:${tag ?? root.digest}`);
  return names;
}

async function spooled(
  stream: ByteStream,
  limit: () => number,
  { name, spoolFolder: folder = tmpdir(), onWarning, onSpool, signal }: PipeOptions,
): Promise<Loadable> {
  onSpool?.(name, folder);
  function check(total: number): void {
    if (total > limit())
      throw new AppError(
        "UNSUPPORTED",
        `Cannot read "${name}": it unpacks to more than ${MOST_OF_A_BYTE} times its size`,
      );
  }
  const volume = await spool(stream, { folder, name, check, signal });
  const tree = await openSpooled(volume, { onWarning, signal });
  const store = await storeIn(tree, name, { onWarning, signal });
  return loadableFrom(store);
}
