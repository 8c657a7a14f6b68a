/** Drives a run by a pipe: each blob is uploaded as it comes, wherever it is needed; names are given when the pipe has ended. */
import { INDEX_PATH, indexedDigests } from "../../archive/contents.ts";
import type { PipedEntry } from "../../archive/pipe.ts";
import { either } from "../../bytes/signal.ts";
import { type Bytes, collect } from "../../bytes/stream.ts";
import { AppError, asAppError } from "../../errors.ts";
import { DOCUMENT_LIMIT } from "../../layout/document.ts";
import { LIST_FILE, ROOT } from "../../layout/hangar.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { MANIFEST_LIMIT } from "../../store/read.ts";
import type { CopyOptions } from "../copy.ts";
import { settleCollisions } from "../destination.ts";
import type { Item } from "../items.ts";
import type { Wanted } from "../plan.ts";
import { createRun, type Run, type Task } from "../run.ts";
import type { Summary } from "../summary.ts";
import { type Arrivals, createArrivals } from "./arrivals.ts";
import { digestIn, keep } from "./keep.ts";
import { createPlanner, MANIFESTS, type Planner, refusedPipe, rootsOf, tooManyWait } from "./planner.ts";

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

/** Content of so many bytes is held in memory, and manifests that images wait for. */
const SMALL: number = 1 << 20;

/** Larger blobs that are kept although nobody wants them yet: an archive has its manifests first. */
const STRAYS = 64;

/** Bytes of small content that are held in memory: while images are planned, and when only what they wait for is taken. */
const HELD: number = 16 << 20;
const HELD_DUE: number = 4 << 20;

/** What one copy shares. */
interface Flow {
  readonly run: Run;
  readonly arrivals: Arrivals;
  readonly planner: Planner;
  /** Blobs that images wait for and that have not begun to move. */
  readonly due: Map<Digest, Item>;
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
 * without `stopAtDamage` fails the images that are not whole. Throws UNSUPPORTED where more would have to be held than memory
 * is for, because of the order of the pipe or the size of all manifests.
 */
export async function copyArriving(
  wanted: readonly Wanted[],
  entries: AsyncGenerator<PipedEntry>,
  options: ArrivingOptions,
): Promise<Summary> {
  const { jobs, namesIn, name, stopAtDamage = false } = options;
  const control = new AbortController();
  const flow = await startFlow(await settleCollisions(wanted, options), options, control);
  const { run, arrivals, planner, signal } = flow;
  try {
    const { list, lists, indexed, broken, breaking } = await readEntries(entries, flow, options);
    if (indexed) requireLists(indexed, lists, name);
    if (broken && stopAtDamage) run.end(broken, breaking);
    await goOn(flow);
    arrivals.end(broken);
    planner.end();
    await until(() => planner.left === 0, flow);
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
    await entries.return(undefined).catch(() => {});
    while (flow.moving.size > 0 || planner.isAtWork) await flow.bell.promise;
    await arrivals.forget(() => false);
  }
}

async function startFlow(wanted: readonly Wanted[], options: ArrivingOptions, control: AbortController): Promise<Flow> {
  const { jobs, onEvent, stopAtDamage, name } = options;
  const signal = either(options.signal, control.signal);
  const run = createRun({ onEvent, stopAtDamage, hold: true });
  const arrivals = createArrivals(name);
  const stop = (error: unknown): void => control.abort(error);
  const roots = await rootsOf(wanted, { signal });
  const planner = createPlanner(roots, arrivals, {
    ...options,
    signal,
    onPlanned: async (planned) => want(await run.add(planned, { signal }), flow),
    onChange: () => planningChanged(flow),
    onError: stop,
  });
  const flow: Flow = {
    run,
    arrivals,
    planner,
    due: new Map(),
    signal,
    jobs,
    ready: new Set(),
    moving: new Set(),
    strays: 0,
    bell: Promise.withResolvers(),
    stop,
  };
  signal.addEventListener("abort", () => ring(flow), { once: true });
  return flow;
}

function keyOf({ wanted: { origin, reference } }: Task): string {
  return `${origin}:${reference}`;
}

function gone({ wanted }: Task): AppError {
  return new AppError("NOT_FOUND", `Cannot load "${wanted.name.name}": it failed when the archive was written`);
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

async function takeEntry(entry: PipedEntry, flow: Flow, options: ArrivingOptions): Promise<void> {
  const { arrivals, due, planner, signal } = flow;
  const digest = digestIn(entry);
  if (digest === undefined || arrivals.has(digest)) return;
  const held = planner.left > 0 ? HELD : HELD_DUE;
  if (entry.size > SMALL || arrivals.memory > held) await makeRoom(digest, entry.size > SMALL, flow, options);
  if (planner.left === 0 && !due.has(digest)) return;
  const most = isManifest(digest, flow) ? MANIFEST_LIMIT : SMALL;
  arrivals.take(digest, await keep(entry, digest, { ...options, most, signal }));
  planner.arrived(digest);
  if (due.has(digest)) flow.ready.add(digest);
  pump(flow);
}

/** Waits until it is known who wants what comes next, as far as it can be, and until what came before is on its way. */
async function makeRoom(digest: Digest, isLarge: boolean, flow: Flow, { name }: ArrivingOptions): Promise<void> {
  const { arrivals, due, planner } = flow;
  await until(() => planner.isQuiet, flow);
  const isUnwanted = planner.left > 0 && !isManifest(digest, flow) && !due.has(digest);
  if (planner.isStuck && (isUnwanted || arrivals.memory > MANIFESTS)) throw tooManyWait(name);
  if (isUnwanted && isLarge && ++flow.strays > STRAYS)
    throw refusedPipe(name, "it has blobs that none of its manifests wants so far");
  // Half of it: not to come here for every next one. Where none can be begun, those whose roots are here want it all.
  if (arrivals.memory > HELD && !planner.isStuck) await arrivals.shrink(HELD / 2, (one) => isUsed(one, flow));
  await until(() => flow.ready.size + flow.moving.size < flow.jobs, flow);
}

/** Or a config: something that images cannot be planned without. */
function isManifest(digest: Digest, { arrivals, planner }: Flow): boolean {
  return arrivals.isAwaited(digest) || planner.isExpected(digest);
}

function isUsed(digest: Digest, { due, moving }: Flow): boolean {
  return due.has(digest) || moving.has(digest);
}

/** Goes on, unless the run is over: what can be planned by now is planned then, so that it is told of every image it concerns. */
async function goOn(flow: Flow): Promise<void> {
  flow.signal.throwIfAborted();
  const damage = flow.run.damage();
  if (!damage) return;
  await until(() => flow.planner.isQuiet, flow);
  throw damage;
}

function planningChanged(flow: Flow): void {
  ring(flow);
  if (flow.run.damage()) goOn(flow).catch(flow.stop);
  if (flow.planner.left === 0) flow.arrivals.forget((one) => isUsed(one, flow)).catch(flow.stop);
}

function want(items: readonly Item[], flow: Flow): void {
  for (const item of items) {
    const { digest } = item.descriptor;
    flow.due.set(digest, item);
    if (flow.arrivals.has(digest)) flow.ready.add(digest);
  }
  pump(flow);
}

/** Begins to move what can, unless the run has stopped. */
function pump(flow: Flow): void {
  for (const digest of flow.ready) {
    if (flow.moving.size >= flow.jobs || flow.signal.aborted) return;
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
  // What is small stays while it may be wanted again: many images have the same config.
  const { arrivals, planner } = flow;
  const stays = flow.due.has(digest) || (planner.left > 0 && arrivals.isInMemory(digest));
  if (!stays) await arrivals.drop(digest, planner.left > 0).catch(flow.stop);
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

/** Waits; rejects when the run stops, which rings as well: a listener for each wait would be thousands. */
async function until(isSo: () => boolean, flow: Flow): Promise<void> {
  flow.signal.throwIfAborted();
  while (!isSo()) {
    await flow.bell.promise;
    flow.signal.throwIfAborted();
  }
}
