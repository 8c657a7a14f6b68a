/** Runs of the product that are killed in the middle, at a moment told by what they have done; and what is looked at afterwards. */
import { createHash } from "node:crypto";
import { cp, lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { type ByteStream, toWeb } from "../../src/bytes/stream.ts";
import { AppError } from "../../src/errors.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { openStore } from "../../src/operations/open.ts";
import { walk } from "../../src/operations/walk.ts";
import { read } from "../../src/store/read.ts";
import type { Store } from "../../src/store/store.ts";
import { type DiskPlan, underPlan, WATCHED } from "./disk-plan.ts";
import { openWorkplace, type Workplace } from "./dray.ts";
import type { Kind, Moment } from "./moments.ts";
import { type Handler, startRegistry, type TestRegistry } from "./registry.ts";
import type { Ended } from "./run.ts";

/** How much of each kind an undisturbed run does. */
export type Counts = Record<Kind, number>;

/** A command that is to be killed. */
export interface Trial {
  readonly args: readonly string[];
  /** Standard input. */
  readonly input?: string | undefined;
  /** A folder with what is there before. */
  readonly before: string;
}

/** Everything that is archived and listed has this time. */
const ENVIRONMENT = { SOURCE_DATE_EPOCH: "1700000000" };
/** What is counted of the calls to the disk; the last phase begins where the archive is whole, or the cache is. */
const COUNTED: Partial<Record<Kind, Pick<DiskPlan, "from" | "only">>> = {
  calls: {},
  "last calls": { from: "^sync " },
  renames: { only: "^rename (?:.*/)?\\.?saved-images(?!-list)[^/]*$" },
};

/** A registry that counts what it serves, and calls back when that is enough. */
export interface CountingRegistry extends TestRegistry {
  readonly served: { requests: number; bytes: number };
  /** Starts to count anew. `done` is called once, before the request is answered or the bytes are sent that make it too many. */
  limit(limit: { readonly requests?: number; readonly bytes?: number }, done: () => void): void;
}

export async function startCountingRegistry(): Promise<CountingRegistry> {
  const served = { requests: 0, bytes: 0 };
  let look = (): void => {};
  const wrap =
    (handler: Handler): Handler =>
    async (request) => {
      served.requests++;
      look();
      const response = await handler(request);
      const { status, headers, body } = response;
      return body === null ? response : new Response(toWeb(counted(body as ByteStream)), { status, headers });
    };
  async function* counted(body: ByteStream): ByteStream {
    for await (const chunk of body) {
      served.bytes += chunk.length;
      look();
      yield chunk;
    }
  }
  const registry = await startRegistry(undefined, { wrap });
  return {
    ...registry,
    served,
    limit({ requests = Number.POSITIVE_INFINITY, bytes = Number.POSITIVE_INFINITY }, done) {
      served.requests = served.bytes = 0;
      look = () => {
        if (served.requests < requests && served.bytes < bytes) return;
        look = () => {};
        done();
      };
    },
  };
}

/** A workplace in which the trial can begin. */
export async function atStart(trial: Trial): Promise<Workplace> {
  const place = await openWorkplace();
  await cp(trial.before, place.path, { recursive: true, verbatimSymlinks: true });
  return place;
}

/** Runs a trial to its end. */
export function undisturbed(
  trial: Trial,
  place: Workplace,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { args, input = "" } = trial;
  return place.dray(args, { input, env: { ...ENVIRONMENT, ...env } });
}

/** Runs it to its end with everything counted. */
export async function measure(trial: Trial, place: Workplace, registry: CountingRegistry): Promise<Counts> {
  registry.limit({}, () => {});
  const log = `${place.path}.log`;
  await start(trial, place, { log }).ended;
  const calls = (await readFile(log, "utf8")).trim().split("\n");
  const last = calls.length - calls.findIndex((line) => line.startsWith("sync "));
  const renames = calls.filter((line) => new RegExp(COUNTED.renames!.only!).test(line)).length;
  const { requests, bytes } = registry.served;
  return { requests, served: bytes, calls: calls.length, "last calls": last, renames };
}

/** Runs it until the moment has come; where that never comes, to its end. */
export async function killAt(
  trial: Trial,
  place: Workplace,
  registry: CountingRegistry,
  { kind, percent }: Moment,
  counts: Counts,
): Promise<Ended> {
  const number = 1 + Math.round((percent / 100) * (counts[kind] - 1));
  const counted = COUNTED[kind];
  const plan = counted ? { ...counted, killAt: number } : {};
  const limit = kind === "requests" ? { requests: number } : kind === "served" ? { bytes: number } : {};
  const dray = start(trial, place, plan);
  registry.limit(limit, () => dray.kill("SIGKILL"));
  return await dray.ended;
}

function start({ args, input = "" }: Trial, place: Workplace, plan: DiskPlan) {
  return place.start(args, { runtime: WATCHED, input, env: { ...ENVIRONMENT, ...underPlan(plan) } });
}

/** Every file below a folder: its path, and what is in it. Links are what they point to, empty folders are there too. */
export async function everything(folder: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const path of (await readdir(folder, { recursive: true })).sort()) {
    const stats = await lstat(join(folder, path));
    if (stats.isDirectory()) found[path] = "folder";
    else if (stats.isSymbolicLink()) found[path] = `-> ${await readlink(join(folder, path))}`;
    else
      found[path] = createHash("sha256")
        .update(await readFile(join(folder, path)))
        .digest("hex");
  }
  return found;
}

/** The images of an archive or a folder, after every byte of them was read; undefined where there is nothing. Throws INTEGRITY. */
export async function imagesAt(path: string): Promise<readonly string[] | undefined> {
  let opened: Store;
  try {
    opened = await openStore(path);
  } catch (error) {
    if (error instanceof AppError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
  await using store = opened;
  const names: string[] = [];
  for await (const { path: name, tag, root } of store.references()) {
    const source = store.repository(name);
    const image = await walk(source, root, { selection: EVERYTHING, configs: true });
    if (!image) throw new Error(`${name} has nothing in it`);
    for (const descriptor of image.blobs) for await (const _ of read(source.get(descriptor)));
    names.push(`${name.replace(/^.*?\//, "")}:${tag} ${root.digest}`);
  }
  return names.sort();
}
