/** Content of a pipe as it arrives: whoever wants what is not here yet waits for it. */
import { within } from "../../bytes/signal.ts";
import { type ByteStream, type Bytes, collect, type Range } from "../../bytes/stream.ts";
import { AppError, IntegrityError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { inMemory, MANIFEST_LIMIT } from "../../store/read.ts";
import type { Call, Content, Source } from "../../store/store.ts";

/** Content that is here for a while. There may be a hundred thousand: each field counts. */
export interface Arrival {
  readonly size: number;
  /** What lies in memory; else it is in a file. */
  readonly bytes?: Bytes | undefined;
  readonly file?: ArrivalFile | undefined;
  /** What stands in the pipe, and at which byte: for messages. */
  readonly path: string;
  readonly offset: number;
}

export interface ArrivalFile {
  readonly open: Content["open"];
  release(): Promise<void>;
}

/** Bytes of memory that keeping account of one content takes. */
const RECORD = 512;

/** Somebody who reads an image to plan it. */
export interface Reader {
  readonly source: Source;
  /** It is done: what it was given may be let go of again, but for `kept`. */
  close(kept: Iterable<Digest>): void;
}

export interface ReaderOptions {
  /** Hears how many of its reads wait, as soon as they do and no longer. */
  onWait(waiting: number): void;
  /** Hears the size of each content that it is given. */
  onRead(size: number): void;
}

export interface Arrivals {
  has(digest: Digest): boolean;
  /** Whether somebody waits for it. */
  isAwaited(digest: Digest): boolean;
  isInMemory(digest: Digest): boolean;
  /** Bytes of memory that everything takes that no reader was given. */
  readonly memory: number;
  /** Bytes of memory that everything takes that a reader was given, and is not done with. */
  readonly read: number;
  take(digest: Digest, arrival: Arrival): void;
  /** Lets go of content. Where it `isMissed`, whoever wants it later is told to read the archive from a file. */
  drop(digest: Digest, isMissed?: boolean): Promise<void>;
  /** Lets go of what came first and lies in memory, but for what `isNeeded`, until no more than `most` bytes are left of it. */
  shrink(most: number, isNeeded: (digest: Digest) => boolean): Promise<void>;
  /** Lets go of everything but what `isNeeded`: nobody will want more. */
  forget(isNeeded: (digest: Digest) => boolean): Promise<void>;
  /** Nothing more comes: whoever waits hears of it, with `reason` where it broke off. */
  end(reason: AppError | undefined): void;
  /** `source`, but content is what arrives here, and opening it waits for that. */
  through(source: Source): Source;
  /** Begins to read through `source`, as through() does. */
  reader(source: Source, options: ReaderOptions): Reader;
}

interface Held extends Arrival {
  bytes: Bytes | undefined;
  loading?: Promise<void>;
  /** Readers that were given it. */
  readers: number;
}

/** Content that has not come. */
interface Awaited extends PromiseWithResolvers<void> {
  readonly waiting: Set<() => void>;
}

/** Nothing has arrived yet. `name` is for messages. */
export function createArrivals(name: string): Arrivals {
  // In the order in which it came, or was wanted last.
  const here = new Map<Digest, Held>();
  const gone = new Set<Digest>();
  const awaited = new Map<Digest, Awaited>();
  let memory = 0;
  let read = 0;
  let ended: { reason: AppError | undefined } | undefined;

  async function find({ digest, size }: Descriptor, { signal }: Call, onWait?: (by: 1 | -1) => void): Promise<Held> {
    for (let held = here.get(digest); ; held = here.get(digest)) {
      if (held) {
        here.delete(digest);
        here.set(digest, held);
        return held;
      }
      if (gone.has(digest)) throw passed(digest, name);
      if (ended) throw ended.reason ?? absent(digest, size, name);
      await comes(digest, signal, onWait);
    }
  }
  async function comes(digest: Digest, signal: AbortSignal | undefined, onWait?: (by: 1 | -1) => void): Promise<void> {
    const one = awaited.get(digest) ?? { ...Promise.withResolvers<void>(), waiting: new Set() };
    awaited.set(digest, one);
    function end(): void {
      if (one.waiting.delete(end)) onWait?.(-1);
    }
    one.waiting.add(end);
    onWait?.(1);
    await within(one.promise, signal).finally(end);
  }
  function wake(digest: Digest): void {
    const one = awaited.get(digest);
    if (!one) return;
    awaited.delete(digest);
    // At once, and not when those who wait come to their turn: who looks now must see that they are at work.
    for (const end of [...one.waiting]) end();
    one.resolve();
  }
  function account(held: Held, by: 1 | -1): void {
    if (held.bytes && held.readers > 0) read += by * memoryOf(held);
    else memory += by * memoryOf(held);
  }
  /** Into memory, so that all who read it share its bytes. The file stays: it may be on its way. */
  function loaded(digest: Digest, held: Held): Promise<void> | undefined {
    if (!held.bytes && held.size <= MANIFEST_LIMIT) held.loading ??= load(digest, held);
    return held.loading;
  }
  async function load(digest: Digest, held: Held): Promise<void> {
    const bytes = await collect(held.file!.open(), MANIFEST_LIMIT);
    if (here.get(digest) !== held) return;
    account(held, -1);
    held.bytes = bytes;
    account(held, 1);
  }
  async function drop(digest: Digest, isMissed = false): Promise<void> {
    const held = here.get(digest);
    if (!held) return;
    here.delete(digest);
    if (isMissed) gone.add(digest);
    account(held, -1);
    await held.file?.release();
  }
  function contentOf(descriptor: Descriptor, { bytes, file, path, offset }: Held): Content {
    const where = (): string => whereIn(name, { path, offset });
    return bytes ? { ...inMemory(descriptor, bytes), where } : { descriptor, where, open: file!.open };
  }
  function get(descriptor: Descriptor): Content {
    return {
      descriptor,
      async *open(options = {}) {
        yield* contentOf(descriptor, await find(descriptor, options)).open(options);
      },
    };
  }
  function through({ isLocal: _, ...source }: Source): Source {
    return { ...source, get };
  }
  function reader(source: Source, { onWait, onRead }: ReaderOptions): Reader {
    const given = new Map<Digest, Held>();
    let count = 0;
    function wait(by: 1 | -1): void {
      count += by;
      onWait(count);
    }
    async function* give(descriptor: Descriptor, options: Range & Call): ByteStream {
      const { digest } = descriptor;
      const held = await find(descriptor, options, wait);
      await loaded(digest, held);
      if (here.get(digest) === held && !given.has(digest)) {
        given.set(digest, held);
        account(held, -1);
        held.readers++;
        account(held, 1);
      }
      onRead(memoryOf(held));
      yield* contentOf(descriptor, held).open(options);
    }
    function close(kept: Iterable<Digest>): void {
      const stays = new Set(kept);
      for (const [digest, held] of given) {
        if (stays.has(digest) || here.get(digest) !== held) continue;
        account(held, -1);
        held.readers--;
        account(held, 1);
      }
    }
    const open = (descriptor: Descriptor) => (options?: Range & Call) => give(descriptor, options ?? {});
    return { source: { ...through(source), get: (descriptor) => ({ descriptor, open: open(descriptor) }) }, close };
  }
  return {
    has: (digest) => here.has(digest),
    isAwaited: (digest) => awaited.has(digest),
    isInMemory: (digest) => here.get(digest)?.bytes !== undefined,
    get memory() {
      return memory;
    },
    get read() {
      return read;
    },
    take(digest, { size, bytes, file, path, offset }) {
      const held: Held = { size, bytes, file, path, offset, readers: 0 };
      here.set(digest, held);
      account(held, 1);
      wake(digest);
    },
    drop,
    async shrink(most, isNeeded) {
      for (const [digest, held] of [...here]) {
        if (memory <= most) return;
        if (held.bytes && held.readers === 0 && !isNeeded(digest)) await drop(digest, true);
      }
    },
    async forget(isNeeded) {
      gone.clear();
      for (const digest of [...here.keys()]) if (!isNeeded(digest)) await drop(digest);
    },
    end(reason) {
      ended = { reason };
      for (const digest of [...awaited.keys()]) wake(digest);
    },
    through,
    reader,
  };
}

/** Where content stood in the pipe, for messages. */
export function whereIn(name: string, { path, offset }: Pick<Arrival, "path" | "offset">): string {
  return `"${name}", "${path}" at byte ${offset} of its tar`;
}

function memoryOf({ bytes }: Held): number {
  return bytes ? bytes.length + RECORD : 0;
}

function absent(digest: Digest, size: number, name: string): IntegrityError {
  return new IntegrityError(`Cannot read "${digest}": it is not in "${name}"`, {
    expected: `${digest} (${size} bytes)`,
    actual: "nothing",
  });
}

function passed(digest: Digest, name: string): AppError {
  return new AppError(
    "UNSUPPORTED",
    `Cannot read "${digest}": it came out of "${name}" before it was known who wants it`,
    {
      hint: "save the archive to a file, and load that",
    },
  );
}
