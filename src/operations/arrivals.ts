/** Content of a pipe as it arrives: whoever wants what is not here yet waits for it. */
import { within } from "../bytes/signal.ts";
import { type AppError, IntegrityError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Call, Content, Source } from "../store/store.ts";

/** Content that is here for a while. */
export interface Arrival {
  readonly content: Content;
  /** Bytes of memory that it takes. */
  readonly memory: number;
  release(): Promise<void>;
}

export interface Arrivals {
  has(digest: Digest): boolean;
  /** Whether somebody waits for it. */
  isAwaited(digest: Digest): boolean;
  /** Bytes of memory that all of it takes. */
  readonly memory: number;
  take(digest: Digest, arrival: Arrival): void;
  /** Forgets content that nobody needs any more. */
  drop(digest: Digest): Promise<void>;
  digests(): readonly Digest[];
  /** Nothing more comes: whoever waits hears of it, with `reason` where it broke off. */
  end(reason: AppError | undefined): void;
  /**
   * `source`, but content is what arrives here, and opening it waits for that. `onWait` hears how many are waiting through
   * it.
   */
  through(source: Source, onWait: (waiting: number) => void): Source;
}

/** Nothing has arrived yet. `name` is for messages. */
export function createArrivals(name: string): Arrivals {
  const here = new Map<Digest, Arrival>();
  const waiting = new Map<Digest, PromiseWithResolvers<void>>();
  let memory = 0;
  let ended: { reason: AppError | undefined } | undefined;

  async function find({ digest, size }: Descriptor, { signal }: Call, onWait: (by: 1 | -1) => void): Promise<Content> {
    while (!here.has(digest)) {
      if (ended) throw ended.reason ?? absent(digest, size, name);
      const arrival = waiting.get(digest) ?? Promise.withResolvers<void>();
      waiting.set(digest, arrival);
      onWait(1);
      await within(arrival.promise, signal).finally(() => onWait(-1));
    }
    return here.get(digest)!.content;
  }
  function wake(digest: Digest): void {
    waiting.get(digest)?.resolve();
    waiting.delete(digest);
  }
  return {
    has: (digest) => here.has(digest),
    isAwaited: (digest) => waiting.has(digest),
    get memory() {
      return memory;
    },
    take(digest, arrival) {
      here.set(digest, arrival);
      memory += arrival.memory;
      wake(digest);
    },
    async drop(digest) {
      const arrival = here.get(digest);
      if (!arrival) return;
      here.delete(digest);
      memory -= arrival.memory;
      await arrival.release();
    },
    digests: () => [...here.keys()],
    end(reason) {
      ended = { reason };
      for (const digest of [...waiting.keys()]) wake(digest);
    },
    through(source, onWait) {
      let count = 0;
      function change(by: 1 | -1): void {
        count += by;
        onWait(count);
      }
      function get(descriptor: Descriptor): Content {
        return {
          descriptor,
          async *open(options = {}) {
            const content = await find(descriptor, options, change);
            yield* content.open(options);
          },
        };
      }
      const { isLocal: _, ...rest } = source;
      return { ...rest, get };
    },
  };
}

function absent(digest: Digest, size: number, name: string): IntegrityError {
  return new IntegrityError(`Cannot read "${digest}": it is not in "${name}"`, {
    expected: `${digest} (${size} bytes)`,
    actual: "nothing",
  });
}
