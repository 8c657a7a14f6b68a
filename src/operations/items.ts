/** The distinct blobs of a run: who has them, who waits for them. There may be a hundred thousand, so that each field counts. */
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Place, Sink } from "../store/store.ts";

/** A distinct blob of one destination space. */
export interface Item {
  readonly descriptor: Descriptor;
  /** Repositories that have it now. */
  readonly holders: readonly Sink[];
}

/** The same, seen by the run. `T` is who waits. */
export interface WaitedItem<T> extends Item {
  holders: Sink[];
  waiting: T[];
  /** A delivery is due or under way. */
  isDue: boolean;
  /** Rung when it is not any more; there is one where somebody waits for that. */
  bell: PromiseWithResolvers<void> | undefined;
}

export interface Items<T> {
  /** The items of these blobs; `news` are those that nobody wanted in that repository before. */
  take(
    blobs: readonly Descriptor[],
    place: Place,
  ): { readonly taken: readonly WaitedItem<T>[]; readonly news: readonly Item[] };
  /** Lets somebody wait for it; true when a delivery must be started for that. */
  wait(item: WaitedItem<T>, one: T): boolean;
  hold(item: WaitedItem<T>, holder: Sink): void;
  /** Its delivery has ended. */
  settle(item: WaitedItem<T>): void;
  /** Resolves when no delivery of it is due or under way. */
  settled(item: Item): Promise<void>;
}

interface Space<T> {
  readonly items: Map<Digest, WaitedItem<T>>;
  /** What each repository was ever to have. */
  readonly wanted: Map<string, Set<Digest>>;
}

/** None yet. */
export function createItems<T>(): Items<T> {
  const spaces = new Map<string, Space<T>>();
  /** Stands for every list of nothing. */
  const none: never[] = [];

  function fresh(descriptor: Descriptor): WaitedItem<T> {
    return { descriptor, holders: none, waiting: none, isDue: false, bell: undefined };
  }
  return {
    take(blobs, { space, path }) {
      const { items, wanted } = kept(spaces, space, () => ({ items: new Map(), wanted: new Map() }));
      const before = kept(wanted, path, () => new Set());
      const taken = blobs.map((descriptor) => kept(items, descriptor.digest, () => fresh(descriptor)));
      const news = taken.filter(({ descriptor }) => !before.has(descriptor.digest));
      for (const { descriptor } of news) before.add(descriptor.digest);
      return { taken, news };
    },
    wait(item, one) {
      item.waiting = joined(item.waiting, one);
      if (item.isDue) return false;
      item.isDue = true;
      return true;
    },
    hold(item, holder) {
      item.holders = joined(item.holders, holder);
    },
    settle(item) {
      item.isDue = false;
      if (item.waiting.length === 0) item.waiting = none;
      item.bell?.resolve();
      item.bell = undefined;
    },
    async settled(given) {
      const item = given as WaitedItem<T>;
      if (!item.isDue) return;
      item.bell ??= Promise.withResolvers();
      await item.bell.promise;
    },
  };
}

/** A list of nothing is shared, and never added to. */
function joined<T>(list: T[], one: T): T[] {
  if (list.length === 0) return [one];
  list.push(one);
  return list;
}

/** The value of a key, made where there is none. */
function kept<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
