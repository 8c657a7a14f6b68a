/**
 * Drives a run by a pipe: each blob is uploaded as it comes, wherever it is needed; names are given when the pipe has
 * ended.
 */
import { INDEX_PATH, indexedDigests } from "../archive/contents.ts";
import type { PipedEntry } from "../archive/pipe.ts";
import { runAll } from "../bytes/pool.ts";
import { either, within } from "../bytes/signal.ts";
import { type Bytes, collect } from "../bytes/stream.ts";
import { AppError, asAppError } from "../errors.ts";
import { DOCUMENT_LIMIT } from "../layout/document.ts";
import { LIST_FILE, ROOT } from "../layout/hangar.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { type Arrivals, createArrivals } from "./arrivals.ts";
import type { CopyOptions } from "./copy.ts";
import { settleCollisions } from "./destination.ts";
import { keep, SMALL } from "./piped-content.ts";
import { planOne, type Wanted } from "./plan.ts";
import { createRun, type Item, type Run, type Task } from "./run.ts";
import { createSharing } from "./shared-blobs.ts";
import type { Summary } from "./summary.ts";

export interface ArrivingOptions extends CopyOptions {
  /** What messages call the pipe. */
  readonly name: string;
  /** Where larger blobs lie while they are uploaded. */
  readonly spoolFolder: string;
  /** The images of a list, `path:tag` or `path:digest`. */
  readonly namesIn: (list: Bytes) => Promise<ReadonlySet<string>>;
  /** Of the list that the images are from. */
  readonly listDigest: Digest;
}

const LIST_PATH = `${ROOT}/${LIST_FILE}`;

/** Blobs that are kept although nobody wants them yet: an archive has its manifests first. */
const STRAYS = 64;

/** Bytes of small content that are held before it is known who wants them. */
const HELD: number = 32 << 20;

/** What one copy shares. */
interface Flow {
  readonly run: Run;
  readonly arrivals: Arrivals;
  /** Blobs that images wait for and that have not begun to move. */
  readonly due: Map<Digest, Item>;
  /** Images that are being planned, and how many of each wait for something. */
  readonly planning: Map<Wanted, number>;
  readonly signal: AbortSignal;
  readonly jobs: number;
  /** Blobs that are here, and can begin to move. */
  readonly ready: Set<Digest>;
  /** Blobs on their way. */
  readonly moving: Set<Digest>;
  strays: number;
  bell: PromiseWithResolvers<void>;
  stop(error: unknown): void;
}

/**
 * Copies images whose content comes by as `entries`: manifests before blobs. `jobs` blobs at most are in flight, each in
 * memory or in a file of its own until it is in every repository that needs it; the pipe waits meanwhile. No blob is uploaded
 * before it is proven. Names are given at the end, and only to the images that the last list in the pipe has. Where the pipe
 * breaks off, or has wrong bytes: throws that, once all images that need them have failed, and before any name is given; or
 * without `stopAtDamage` fails the images that are not whole.
 */
export async function copyArriving(
  wanted: readonly Wanted[],
  entries: AsyncGenerator<PipedEntry>,
  options: ArrivingOptions,
): Promise<Summary> {
  const { jobs, onEvent, stopAtDamage = false, namesIn, name } = options;
  const distinct = await settleCollisions(wanted, options);
  const control = new AbortController();
  const signal = either(options.signal, control.signal);
  const run = createRun({ onEvent, stopAtDamage, hold: true });
  const flow: Flow = {
    run,
    jobs,
    signal,
    arrivals: createArrivals(name),
    due: new Map(),
    planning: new Map(distinct.map((one) => [one, 0])),
    ready: new Set(),
    moving: new Set(),
    strays: 0,
    bell: Promise.withResolvers(),
    stop: (error) => control.abort(error),
  };
  const planned = planAll(distinct, flow, options);
  planned.catch((error: unknown) => flow.stop(error));
  try {
    const { list, lists, indexed, broken, breaking } = await readEntries(entries, flow, options);
    if (indexed) requireLists(indexed, lists, name);
    if (broken && stopAtDamage) run.end(broken, breaking);
    await goOn(flow);
    flow.arrivals.end(broken);
    await planned;
    await deliverRest(flow);
    const names = list && !broken ? await namesIn(list) : undefined;
    await run.release((task) => (names && !names.has(keyOf(task)) ? gone(task) : undefined), { jobs, signal });
    await goOn(flow);
    return run.summary();
  } catch (error) {
    control.abort(error);
    throw signal.reason ?? error;
  } finally {
    control.abort();
    await Promise.allSettled([planned, entries.return(undefined)]);
    while (flow.moving.size > 0) await flow.bell.promise;
    for (const digest of flow.arrivals.digests()) await flow.arrivals.drop(digest);
  }
}

function keyOf({ wanted: { origin, reference } }: Task): string {
  return `${origin}:${reference}`;
}

function gone({ wanted }: Task): AppError {
  return new AppError("NOT_FOUND", `Cannot load "${wanted.name.name}": it failed when the archive was written`);
}

/** All at once: each waits for its manifests, in whatever order they come. */
async function planAll(wanted: readonly Wanted[], flow: Flow, options: ArrivingOptions): Promise<void> {
  const { selection, strict, referrers } = options;
  const share = createSharing();
  async function one(image: Wanted, signal: AbortSignal): Promise<void> {
    const from = flow.arrivals.through(image.from, (waiting) => {
      flow.planning.set(image, waiting);
      ring(flow);
    });
    const planned = await planOne({ ...image, from }, { selection, strict, referrers, share, signal });
    for (const item of await flow.run.add(planned, { signal })) want(item, flow);
    flow.planning.delete(image);
    ring(flow);
    await goOn(flow);
  }
  await runAll(wanted, one, { concurrency: Math.max(1, wanted.length), signal: flow.signal });
}

interface Ended {
  /** The last list that came by behind the first. */
  readonly list: Bytes | undefined;
  /** Of all lists. */
  readonly lists: readonly Digest[];
  /** Of all lists, as the index has them. */
  readonly indexed: readonly unknown[] | undefined;
  /** Why the pipe ended too early, and in which content. */
  readonly broken: AppError | undefined;
  readonly breaking: Digest | undefined;
}

async function readEntries(entries: AsyncGenerator<PipedEntry>, flow: Flow, options: ArrivingOptions): Promise<Ended> {
  const lists = [options.listDigest];
  let list: Bytes | undefined;
  let indexed: readonly unknown[] | undefined;
  let breaking: Digest | undefined;
  try {
    for (let next = await entries.next(); !next.done; next = await entries.next()) {
      const entry = next.value;
      breaking = digestIn(entry);
      if (entry.path === LIST_PATH && entry.size <= DOCUMENT_LIMIT) {
        list = (await collect(entry.open(), DOCUMENT_LIMIT))!;
        lists.push(digestOf(list));
      } else if (entry.path === INDEX_PATH) indexed = await indexedDigests(entry.open(), LIST_PATH);
      else await takeEntry(entry, flow, options);
      flow.signal.throwIfAborted();
    }
    return { list, lists, indexed, broken: undefined, breaking: undefined };
  } catch (thrown) {
    flow.signal.throwIfAborted();
    const error = asAppError(thrown, "NETWORK", `Cannot read "${options.name}"`);
    if (error.code === "STORAGE" || error.code === "UNSUPPORTED") throw error;
    return { list, lists, indexed, broken: error, breaking };
  }
}

/** A plain tar has no checksum of its own: a bit of the list may have become another. The index at the end tells. */
function requireLists(indexed: readonly unknown[], lists: readonly Digest[], name: string): void {
  if (indexed.join() === lists.join()) return;
  throw new AppError("INTEGRITY", `Cannot read "${name}": its list of images is not the one that its index has`, {
    hint: "what was uploaded is proven, but got no names: copy the archive again",
  });
}

/** Of the content that an entry is. */
function digestIn({ path, type }: PipedEntry): Digest | undefined {
  const [, algorithm, hex] = /\/share\/([a-z0-9]+)\/([0-9a-f]+)$/.exec(path) ?? [];
  const digest = `${algorithm}:${hex}`;
  return type === "file" && isDigest(digest) ? digest : undefined;
}

async function takeEntry(entry: PipedEntry, flow: Flow, options: ArrivingOptions): Promise<void> {
  const { arrivals, due } = flow;
  const digest = digestIn(entry);
  if (digest === undefined || arrivals.has(digest)) return;
  if (entry.size > SMALL || arrivals.memory > HELD) {
    await until(() => isQuiet(flow), flow);
    await forget(flow);
    if (!due.has(digest) && !arrivals.isAwaited(digest)) {
      if (flow.planning.size === 0) return;
      if (++flow.strays > STRAYS) throw outOfOrder(options.name);
    }
    await until(() => flow.ready.size + flow.moving.size < flow.jobs, flow);
  }
  arrivals.take(digest, await keep(entry, digest, { ...options, signal: flow.signal }));
  if (due.has(digest)) flow.ready.add(digest);
  pump(flow);
}

function outOfOrder(name: string): AppError {
  return new AppError("UNSUPPORTED", `Cannot read "${name}": it has blobs that none of its manifests wants so far`, {
    hint: "it is no archive as Dray writes them: save it to a file, and load that",
  });
}

/** Goes on, unless the run is over: what can be planned by now is planned then, so that it is told of every image it concerns. */
async function goOn(flow: Flow): Promise<void> {
  flow.signal.throwIfAborted();
  const damage = flow.run.damage();
  if (!damage) return;
  await until(() => isQuiet(flow), flow);
  throw damage;
}

/** Every image is planned, or waits for something that has not come. */
function isQuiet({ planning }: Flow): boolean {
  return [...planning.values()].every((waiting) => waiting > 0);
}

/** Lets go of what is here and nobody will want any more. */
async function forget({ arrivals, due, moving, planning }: Flow): Promise<void> {
  if (planning.size > 0) return;
  for (const digest of arrivals.digests()) if (!due.has(digest) && !moving.has(digest)) await arrivals.drop(digest);
}

function want(item: Item, flow: Flow): void {
  const { digest } = item.descriptor;
  flow.due.set(digest, item);
  if (flow.arrivals.has(digest)) flow.ready.add(digest);
  pump(flow);
}

/** Begins to move what can. */
function pump(flow: Flow): void {
  for (const digest of flow.ready) {
    if (flow.moving.size >= flow.jobs) return;
    // Where another image wanted it meanwhile, it goes on when this delivery has ended.
    if (!flow.moving.has(digest)) void deliver(digest, flow);
  }
}

/** Never rejects: what stops the run is told to the flow. */
async function deliver(digest: Digest, flow: Flow): Promise<void> {
  const item = flow.due.get(digest);
  flow.ready.delete(digest);
  flow.due.delete(digest);
  if (!item) return;
  flow.moving.add(digest);
  try {
    await flow.run.deliver(item, { signal: flow.signal });
    await goOn(flow);
  } catch (error) {
    flow.stop(error);
  }
  flow.moving.delete(digest);
  if (!flow.due.has(digest)) await flow.arrivals.drop(digest).catch((error: unknown) => flow.stop(error));
  pump(flow);
  ring(flow);
}

/** What has not begun to move when the pipe has ended: it is here, or at its destination, or its images fail. */
async function deliverRest(flow: Flow): Promise<void> {
  for (const digest of flow.due.keys()) flow.ready.add(digest);
  pump(flow);
  await until(() => flow.moving.size === 0 && flow.ready.size === 0, flow);
}

function ring(flow: Flow): void {
  flow.bell.resolve();
  flow.bell = Promise.withResolvers();
}

/** Waits; rejects when the run stops. */
async function until(isSo: () => boolean, flow: Flow): Promise<void> {
  flow.signal.throwIfAborted();
  while (!isSo()) await within(flow.bell.promise, flow.signal);
}
