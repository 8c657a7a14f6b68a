/** Carries a plan out: one delivery for each distinct blob of a destination, then manifests, then the tag. */
import { runAll } from "../bytes/pool.ts";
import { either, within } from "../bytes/signal.ts";
import { type AppError, asAppError, IntegrityError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { Call, Sink } from "../store/store.ts";
import { counted } from "./counted.ts";
import { finish } from "./finish.ts";
import { createItems, type Item, type WaitedItem } from "./items.ts";
import type { Planned, Wanted } from "./plan.ts";
import { putTwice } from "./put-twice.ts";
import { type Summary, startSummary } from "./summary.ts";
import { tellPlanned } from "./tell-planned.ts";
import type { Image } from "./walk.ts";

/** An image on its way. */
export interface Task {
  readonly wanted: Wanted;
  readonly image: Image;
  readonly items: readonly Item[];
  readonly state: "moving" | "done" | "failed";
}

export interface Run {
  summary(): Summary;
  /** With `stopAtDamage`, what ended the run: nothing moves any more, and of what is added only failures are told. */
  damage(): AppError | undefined;
  /** Takes in what was planned for one line. Returns its blobs that nobody is delivering yet, in order. */
  add(planned: Planned, options?: Call): Promise<readonly Item[]>;
  /**
   * Brings a blob to every repository that waits for it, and finishes the images it was the last of. Rejects only when the
   * run must stop: on abort, or when the destination's disk fails.
   */
  deliver(item: Item, options?: Call): Promise<void>;
  /** Resolves when no delivery of the blob is due or under way. */
  settled(item: Item, options?: Call): Promise<void>;
  /** Ends the run because of wrong bytes. Every image fails that still needs the content, also those that are added later. */
  end(damage: AppError, digest: Digest | undefined): void;
  /**
   * Gives manifests and names to the images that were held until now, but for those that `refuse` has an error for. Rejects
   * as deliver() does.
   */
  release(refuse: (task: Task) => AppError | undefined, options: Call & { readonly jobs: number }): Promise<void>;
}

interface MutableTask extends Task {
  items: readonly WaitedItem<MutableTask>[];
  state: Task["state"];
  /** Blobs that are not there yet. */
  missing: number;
}

export interface RunOptions {
  readonly onEvent: OnEvent;
  /** Told of each image as it is taken in, in order. */
  readonly onTask?: ((task: Task) => void) | undefined;
  /** Wrong bytes end the run, once the images concerned have failed. Default: only those fail. */
  readonly stopAtDamage?: boolean | undefined;
  /** Images whose blobs are there wait for release(). Default: they get their manifests and names at once. */
  readonly hold?: boolean | undefined;
}

export function createRun({ onEvent, onTask, stopAtDamage = false, hold = false }: RunOptions): Run {
  const held: MutableTask[] = [];
  const items = createItems<MutableTask>();
  const open = new Set<MutableTask>();
  const { settle, moved, now } = startSummary(onEvent);
  const halt = new AbortController();
  const lost = new Set<Digest>();
  let damage: AppError | undefined;

  async function add(planned: Planned, options: Call = {}): Promise<readonly Item[]> {
    const { wanted } = planned;
    if (planned.result !== "image") {
      const detail = planned.result === "unchanged" ? { digest: planned.root.digest } : { error: planned.error };
      settle(wanted.name, planned.result, detail);
      if (planned.result === "failed") goOnAfter(planned.error, damagedIn(planned.error));
      return [];
    }
    const { image } = planned;
    const task: MutableTask = { wanted, image, items: [], state: "moving", missing: image.blobs.length };
    const { taken, news } = items.take(image.blobs, wanted.to.place);
    task.items = taken;
    if (damage) {
      failLost([task], damage);
      return [];
    }
    open.add(task);
    onTask?.(task);
    tellPlanned(task, news, onEvent);
    if (task.missing === 0) await complete(task, options);
    return taken.filter((item) => items.wait(item, task));
  }

  async function deliver(given: Item, options: Call = {}): Promise<void> {
    const item = given as WaitedItem<MutableTask>;
    try {
      // One repository at a time; whoever came too late for it waits for the next turn, and tries its own source.
      while (item.waiting.length > 0 && !damage) {
        const to = item.waiting[0]!.wanted.to;
        const tasks = item.waiting.filter((task) => isSamePlace(task.wanted.to, to));
        item.waiting = item.waiting.filter((task) => !isSamePlace(task.wanted.to, to));
        await untilEnd((call) => serve(item, to, tasks, call), options);
      }
    } finally {
      items.settle(item);
    }
  }

  /** Work that damage breaks off in silence. */
  async function untilEnd(work: (options: Call) => Promise<void>, options: Call): Promise<void> {
    if (!stopAtDamage) return work(options);
    try {
      if (!damage) await work({ signal: either(options.signal, halt.signal) });
    } catch (error) {
      if (!damage || options.signal?.aborted) throw error;
    }
  }

  /** Brings the item to one repository, from whichever source has it, for all the tasks that need it there. */
  async function serve(
    item: WaitedItem<MutableTask>,
    to: Sink,
    tasks: readonly MutableTask[],
    options: Call,
  ): Promise<void> {
    const moving = tasks.filter((task) => task.state === "moving");
    const sources = moving.filter(
      ({ wanted }, index) => moving.findIndex((first) => isSamePlace(first.wanted.from, wanted.from)) === index,
    );
    let failure: AppError | undefined;
    for (const task of sources) {
      failure = undefined;
      try {
        await place(item, to, task, options);
        break;
      } catch (thrown) {
        failure = stopOrError(thrown, options);
      }
    }
    if (failure) onEvent({ type: "lost", descriptor: item.descriptor });
    // Another of its blobs may have failed meanwhile.
    for (const task of moving.filter(({ state }) => state === "moving"))
      if (failure) fail(task, failure, item.descriptor);
      else if (--task.missing === 0) await complete(task, options);
    if (failure) goOnAfter(failure, item.descriptor.digest);
  }

  function goOnAfter(error: AppError, digest: Digest | undefined): void {
    if (stopAtDamage && error.code === "INTEGRITY") end(error, digest);
  }

  function end(error: AppError, digest: Digest | undefined): void {
    damage ??= error;
    if (digest) lost.add(digest);
    failLost([...open], error);
    halt.abort(error);
  }

  function failLost(tasks: readonly MutableTask[], error: AppError): void {
    for (const task of tasks) {
      const { image, items, wanted } = task;
      const item = items.find((one) => lost.has(one.descriptor.digest) && !isAt(one, wanted.to));
      const content = item ?? [image.root, ...image.manifests].find(({ descriptor }) => lost.has(descriptor.digest));
      if (content) fail(task, error, content.descriptor);
    }
  }

  async function place(item: WaitedItem<MutableTask>, to: Sink, { wanted, image }: Task, options: Call): Promise<void> {
    const { descriptor } = item;
    if (isAt(item, to)) return;
    const how = (await to.has(descriptor, options))
      ? "present"
      : (await borrow(item, to, wanted, options))
        ? "mounted"
        : "copied";
    if (how === "copied") {
      const content = image.documents.get(descriptor.digest) ?? wanted.from.get(descriptor);
      await putTwice(to, counted(content, onEvent), options);
    }
    items.hold(item, to);
    moved(how, descriptor.size);
    onEvent({ type: "moved", descriptor, how });
  }

  async function borrow(item: WaitedItem<MutableTask>, to: Sink, { from }: Wanted, options: Call): Promise<boolean> {
    for (const lender of [...item.holders, from]) {
      if (lender.place.space !== to.place.space || lender.place.path === to.place.path) continue;
      if (await to.mount?.(item.descriptor, lender.place, options)) return true;
    }
    return false;
  }

  async function complete(task: MutableTask, options: Call): Promise<void> {
    if (hold) held.push(task);
    else await untilEnd((call) => name(task, call), options);
  }

  async function name(task: MutableTask, options: Call): Promise<void> {
    try {
      const root = await finish(task, onEvent, options);
      if (task.state === "failed") return;
      task.state = "done";
      open.delete(task);
      settle(task.wanted.name, "done", { digest: root.digest });
    } catch (thrown) {
      const error = stopOrError(thrown, options);
      const { descriptor } = task.image.root;
      fail(task, error, descriptor);
      goOnAfter(error, descriptor.digest);
    }
  }

  function fail(task: MutableTask, error: AppError, { digest }: Descriptor): void {
    task.state = "failed";
    open.delete(task);
    const at = task.image.platforms.findIndex(({ blobs }) => blobs.includes(digest));
    settle(task.wanted.name, "failed", { error, number: at < 0 ? undefined : at + 1 });
  }

  async function release(
    refuse: (task: Task) => AppError | undefined,
    { jobs, signal: outer }: Call & { readonly jobs: number },
  ): Promise<void> {
    async function one(task: MutableTask, signal: AbortSignal): Promise<void> {
      const error = refuse(task);
      if (error) fail(task, error, task.image.root.descriptor);
      else await untilEnd((call) => name(task, call), { signal });
    }
    await runAll(held.splice(0), one, { concurrency: jobs, signal: outer });
  }

  return {
    summary: now,
    damage: () => damage,
    add,
    deliver,
    settled: (item, { signal } = {}) => within(items.settled(item), signal),
    end,
    release,
  };
}

/** What ends the whole run is thrown; what only concerns one image is returned. */
function stopOrError(thrown: unknown, { signal }: Call): AppError {
  signal?.throwIfAborted();
  const error = asAppError(thrown, "NETWORK", "Cannot move content");
  if (error.code === "STORAGE") throw error;
  return error;
}

/** What turned out to be wrong, where the error tells. */
function damagedIn(error: AppError): Digest | undefined {
  const [digest] = error instanceof IntegrityError ? error.expected.split(" ", 1) : [];
  return isDigest(digest) ? digest : undefined;
}

function isSamePlace(a: { place: Sink["place"] }, b: { place: Sink["place"] }): boolean {
  return a.place.space === b.place.space && a.place.path === b.place.path;
}

function isAt(item: Item, to: Sink): boolean {
  return item.holders.some((holder) => isSamePlace(holder, to));
}
