/** Content of a pipe as it arrives: whoever wants what is not here yet waits for it. */
import type { ByteStream, Range } from "../../bytes/stream.ts";
import { AppError, IntegrityError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { inMemory } from "../../store/read.ts";
import type { Call, Content, Source } from "../../store/store.ts";
import { type Arrival, createStock, type Held, memoryOf, type Stock } from "./stock.ts";
import { createWaiting, type OnWait, type Waiting } from "./waiting.ts";

/** Somebody who reads an image to plan it. */
export interface Reader {
  readonly source: Source;
  /** It is done: what it was given may be let go of again, but for `kept`. */
  close(kept: Iterable<Digest>): void;
}

export interface ReaderOptions {
  /** Hears how many of its reads wait, as soon as they do and no longer. */
  onWait(waiting: number): void;
  /** Hears the bytes of memory that each content takes that it is given. */
  onRead(bytes: number): void;
}

export interface Arrivals extends Pick<Stock, "memory" | "readBytes">, Pick<Waiting, "isAwaited"> {
  has(digest: Digest): boolean;
  isInMemory(digest: Digest): boolean;
  take(digest: Digest, arrival: Arrival): void;
  /** Lets go of content. Where it `isMissed`, whoever wants it later is told to read the archive from a file. */
  drop(digest: Digest, isMissed?: boolean): Promise<void>;
  /**
   * Lets go of what came first and lies in memory, but for what `isNeeded` or a reader has, until no more than `most` bytes
   * are left of it. All of that is missed.
   */
  shrink(most: number, isNeeded: (digest: Digest) => boolean): Promise<void>;
  /** Lets go of everything but what `isNeeded`. Nothing else is missed any more. */
  forget(isNeeded: (digest: Digest) => boolean): Promise<void>;
  /** Nothing more comes: whoever waits hears of it, with `reason` where it broke off. */
  end(reason: AppError | undefined): void;
  /** `source`, but content is what arrives here, and opening it waits for that. */
  through(source: Source): Source;
  /** Begins to read through `source`, as through() does. */
  reader(source: Source, options: ReaderOptions): Reader;
}

/** Resolves when content is here; throws INTEGRITY where it never will be, UNSUPPORTED where it is missed. */
type Find = (descriptor: Descriptor, options: Call, onWait?: OnWait) => Promise<Held>;

/** Nothing has arrived yet. `name` is for messages. */
export function createArrivals(name: string): Arrivals {
  const stock = createStock();
  const missed = new Set<Digest>();
  const waiting = createWaiting();
  let ended: { reason: AppError | undefined } | undefined;

  async function find({ digest, size }: Descriptor, { signal }: Call, onWait?: OnWait): Promise<Held> {
    for (;;) {
      const held = stock.use(digest);
      if (held) return held;
      if (missed.has(digest)) throw passed(digest, name);
      if (ended) throw ended.reason ?? absent(digest, size, name);
      await waiting.wait(digest, signal, onWait);
    }
  }
  async function drop(digest: Digest, isMissed = false): Promise<void> {
    if (isMissed && stock.get(digest)) missed.add(digest);
    await stock.drop(digest);
  }
  function through({ isLocal: _, sizeOf: __, ...source }: Source): Source {
    async function* give(descriptor: Descriptor, options: Range & Call): ByteStream {
      yield* contentOf(descriptor, await find(descriptor, options), name).open(options);
    }
    return withContent(source, give);
  }
  return {
    get memory() {
      return stock.memory;
    },
    get readBytes() {
      return stock.readBytes;
    },
    isAwaited: waiting.isAwaited,
    has: (digest) => stock.get(digest) !== undefined,
    isInMemory: (digest) => stock.get(digest)?.bytes !== undefined,
    take(digest, arrival) {
      stock.take(digest, arrival);
      waiting.wake(digest);
    },
    drop,
    async shrink(most, isNeeded) {
      for (const [digest, { bytes, readers }] of stock.all()) {
        if (stock.memory <= most) return;
        if (bytes && readers === 0 && !isNeeded(digest)) await drop(digest, true);
      }
    },
    async forget(isNeeded) {
      for (const digest of missed) if (!isNeeded(digest)) missed.delete(digest);
      for (const [digest] of stock.all()) if (!isNeeded(digest)) await stock.drop(digest);
    },
    end(reason) {
      ended = { reason };
      waiting.wakeAll();
    },
    through,
    reader: (source, options) => createReader(through(source), { ...options, name, stock, find }),
  };
}

function createReader(
  source: Source,
  { name, stock, find, onWait, onRead }: ReaderOptions & { name: string; stock: Stock; find: Find },
): Reader {
  const given = new Map<Digest, Held>();
  let waits = 0;
  function wait(by: 1 | -1): void {
    waits += by;
    onWait(waits);
  }
  async function* give(descriptor: Descriptor, options: Range & Call): ByteStream {
    const { digest } = descriptor;
    const held = await find(descriptor, options, wait);
    await stock.load(digest);
    if (stock.get(digest) === held && !given.has(digest)) {
      given.set(digest, held);
      stock.lend(digest, held, 1);
    }
    onRead(memoryOf(held));
    yield* contentOf(descriptor, held, name).open(options);
  }
  return {
    source: withContent(source, give),
    close(kept) {
      const stays = new Set(kept);
      for (const [digest, held] of given) if (!stays.has(digest)) stock.lend(digest, held, -1);
    },
  };
}

function withContent(source: Source, give: (descriptor: Descriptor, options: Range & Call) => ByteStream): Source {
  return { ...source, get: (descriptor) => ({ descriptor, open: (options = {}) => give(descriptor, options) }) };
}

function contentOf(descriptor: Descriptor, { bytes, file, path, offset }: Held, name: string): Content {
  const where = (): string => whereIn(name, { path, offset });
  return bytes ? { ...inMemory(descriptor, bytes), where } : { descriptor, where, open: file!.open };
}

/** Where content stood in the pipe, for messages. */
export function whereIn(name: string, { path, offset }: Pick<Arrival, "path" | "offset">): string {
  return `"${name}", "${path}" at byte ${offset} of its tar`;
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
