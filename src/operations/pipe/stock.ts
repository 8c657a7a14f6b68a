/** Content of a pipe that is here for a while, with accounts of the memory that it takes. */
import { type Bytes, collect } from "../../bytes/stream.ts";
import type { Digest } from "../../oci/digest.ts";
import { MANIFEST_LIMIT } from "../../store/read.ts";
import type { Content } from "../../store/store.ts";

/** Content that came. There may be a hundred thousand: each field counts. */
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

/** An arrival that is here. */
export interface Held extends Arrival {
  /** Readers that have it. */
  readonly readers: number;
}

/** Bytes of memory that keeping account of one content takes. */
const RECORD = 512;

export interface Stock {
  /** Bytes of memory that everything takes that no reader has. */
  readonly memory: number;
  /** Bytes of memory that everything takes that readers have. */
  readonly readBytes: number;
  get(digest: Digest): Held | undefined;
  /** As get(); from now on it is the latest of all. */
  use(digest: Digest): Held | undefined;
  /** All that is here, as it came or was used, the latest last. */
  all(): readonly (readonly [Digest, Held])[];
  take(digest: Digest, arrival: Arrival): void;
  /** Into memory where that is small enough, so that all who read it share its bytes. The file stays: it may be on its way. */
  load(digest: Digest): Promise<void>;
  /** A reader has it from now on; or, with -1, no longer. Nothing changes where `held` is not here any more. */
  lend(digest: Digest, held: Held, by: 1 | -1): void;
  /** Idempotent. */
  drop(digest: Digest): Promise<void>;
}

interface Mutable extends Held {
  bytes: Bytes | undefined;
  readers: number;
  loading?: Promise<void>;
}

/** Nothing is here yet. */
export function createStock(): Stock {
  const here = new Map<Digest, Mutable>();
  let memory = 0;
  let readBytes = 0;

  function account(held: Held, by: 1 | -1): void {
    if (held.readers > 0) readBytes += by * memoryOf(held);
    else memory += by * memoryOf(held);
  }
  function change(digest: Digest, held: Held, changes: Partial<Mutable>): void {
    const one = here.get(digest);
    if (!one || one !== held) return;
    account(one, -1);
    Object.assign(one, changes);
    account(one, 1);
  }
  async function read(digest: Digest, held: Held): Promise<void> {
    change(digest, held, { bytes: await collect(held.file!.open(), MANIFEST_LIMIT) });
  }
  return {
    get memory() {
      return memory;
    },
    get readBytes() {
      return readBytes;
    },
    get: (digest) => here.get(digest),
    use(digest) {
      const held = here.get(digest);
      if (held && here.delete(digest)) here.set(digest, held);
      return held;
    },
    all: () => [...here],
    take(digest, { size, bytes, file, path, offset }) {
      const held: Mutable = { size, bytes, file, path, offset, readers: 0 };
      here.set(digest, held);
      account(held, 1);
    },
    async load(digest) {
      const held = here.get(digest);
      if (!held || held.bytes || held.size > MANIFEST_LIMIT) return;
      held.loading ??= read(digest, held);
      await held.loading;
    },
    lend(digest, held, by) {
      change(digest, held, { readers: held.readers + by });
    },
    async drop(digest) {
      const held = here.get(digest);
      if (!held) return;
      here.delete(digest);
      account(held, -1);
      await held.file?.release();
    },
  };
}

/** Of memory; nothing of what is in a file alone. */
export function memoryOf({ bytes }: Held): number {
  return bytes ? bytes.length + RECORD : 0;
}
