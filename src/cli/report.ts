/** Tells the user what a run does: events become log lines, progress and the list of what failed. */
import { formatSize } from "../bytes/size.ts";
import { type AppError, reasonOf } from "../errors.ts";
import type { Event, ImageName, OnEvent } from "../events.ts";
import type { Summary } from "../operations/summary.ts";
import { EXIT } from "./action.ts";
import { openFailedList } from "./failed-list.ts";
import type { FailedPath } from "./failed-path.ts";
import { formatDuration, startProgress } from "./progress.ts";
import type { Session } from "./session.ts";
import { createWaits } from "./waits.ts";

/** One image of the list: what messages call it, and the line that would ask for it again. */
export interface Listed {
  readonly image: ImageName;
  readonly line: string;
  /** The line could not be understood: it counts as failed, and nothing is tried. */
  readonly error?: AppError | undefined;
}

export interface ReportOptions {
  /** What happened to the images: `Saved`. */
  readonly past: string;
  /** Where the list of what failed goes. */
  readonly failed: FailedPath;
  /** An interrupted run has achieved nothing (there is no archive), so that all of its images are still to do. */
  readonly atomic?: boolean;
  /** Standard output is an archive: the result goes to standard error. */
  readonly isOutputTaken?: boolean;
}

/**
 * Runs `work` over the listed images and reports it: while it runs on standard error, its result in one line on standard
 * output. Returns the exit code. Where `work` throws, what was not done is in the failed list before that is thrown on.
 */
export async function report(
  listed: readonly Listed[],
  { past, failed: place, atomic = false, isOutputTaken = false }: ReportOptions,
  session: Session,
  work: (onEvent: OnEvent) => Promise<Summary>,
): Promise<number> {
  const { log, terminal } = session;
  const started = performance.now();
  const failed = await openFailedList(place);
  const progress = startProgress(terminal, log, listed.length);
  const open = new Map(listed.map((one) => [one.image.id, one]));
  const tell = createTeller(past, session);
  let planned = 0;
  const onEvent: OnEvent = (event) => {
    progress.take(event);
    tell.take(event);
    if (event.type === "planned") planned += event.blobs;
    if (event.type !== "image") return;
    const one = open.get(event.image.id);
    if (event.result === "failed" && one) failed.add(one.line);
    if (event.result === "failed" || !atomic) open.delete(event.image.id);
  };
  let summary: Summary;
  try {
    for (const { image, error } of listed) if (error) onEvent({ type: "image", image, result: "failed", error });
    summary = await work(onEvent);
  } catch (error) {
    for (const { line } of open.values()) failed.add(line);
    progress.end();
    tell.end();
    try {
      if (await failed.close()) log.warn(`what is not done is listed in ${place.path}`);
    } catch (unlisted) {
      log.error(`what is not done is listed nowhere: ${reasonOf(unlisted)}`);
    }
    throw error;
  }
  progress.end();
  tell.end();
  const lines = listed.filter(({ error }) => error).length;
  const result = sentence(
    { ...summary, failed: summary.failed + lines },
    past,
    planned,
    (performance.now() - started) / 1000,
  );
  // A list that cannot be written does not keep the result from being told.
  const [closed] = await Promise.allSettled([failed.close()]);
  if (isOutputTaken) terminal.line(result);
  else process.stdout.write(`${result}\n`);
  if (closed.status === "rejected") throw closed.reason;
  if (closed.value) log.warn(`the images that failed are listed in ${place.path}`);
  if (summary.damaged) return EXIT.integrity;
  return summary.failed + lines > 0 ? EXIT.partial : EXIT.done;
}

interface Teller {
  take(event: Event): void;
  /** Says what was held back. */
  end(): void;
}

/** Events as lines of the log. What would be said hundreds of times is said once: hints, and pauses for one reason. */
function createTeller(past: string, { log }: Session): Teller {
  const waits = createWaits();
  const hints = new Set<string>();
  function takeImage({ image: { id, name }, number, result, error }: Event & { type: "image" }): void {
    const mark = { image: id, platform: number };
    const reason = error?.message ?? "";
    if (result === "done") log.info(`${past.toUpperCase()} [${name}]`, mark);
    else if (result === "unchanged") log.info(`UNCHANGED [${name}]`, mark);
    else if (result === "skipped") log.warn(`SKIPPED [${name}] ${reason}`, mark);
    else {
      log.error(`FAILED [${name}] ${reason}`, mark);
      if (error?.hint && !hints.has(error.hint)) log.error(`hint: ${error.hint}`, mark);
      if (error?.hint) hints.add(error.hint);
    }
  }
  return {
    take(event) {
      if (event.type === "manifest")
        log.info(`${past} ${event.descriptor.digest}`, { image: event.image.id, platform: event.number });
      else if (event.type === "warning") log.warn(event.message, { image: event.image?.id });
      else if (event.type === "quota") log.info(`${event.host}: ${event.remaining} of ${event.limit} pulls are left`);
      else if (event.type === "image") takeImage(event);
      else if (event.type === "waiting") {
        const line = waits.take(event);
        if (line !== undefined) log.warn(line);
      }
    },
    end() {
      for (const line of waits.rest()) log.warn(line);
    },
  };
}

/** The run in one line; `planned` are the blobs of all images that were looked at. */
function sentence(summary: Summary, past: string, planned: number, seconds: number): string {
  const { done, unchanged, skipped, failed, bytes, copied, mounted, present, archived } = summary;
  const extra = [
    unchanged > 0 ? `${unchanged} unchanged` : "",
    skipped > 0 ? `${skipped} skipped` : "",
    failed > 0 ? `${failed} failed` : "",
  ].filter(Boolean);
  // An archive that is packed counts no blobs.
  const blobs = copied + mounted + present > 0 || done === 0 ? Math.max(planned, copied + mounted + present) : 0;
  const moved = blobs > 0 ? `; ${copied} of ${blobs} blobs moved (${formatSize(bytes)})` : "";
  const mounts = mounted > 0 ? `, ${mounted} mounted` : "";
  const archive = archived === undefined ? "" : `; the archive has ${formatSize(archived)}`;
  const head = `${past} ${done} ${done === 1 ? "image" : "images"}`;
  return `${[head, ...extra].join(", ")}${moved}${mounts}${archive}; ${formatDuration(seconds)}`;
}
