/** What an examination may have left at a registry: told by what passed on the network, so that nothing is forgotten. */
import { resolveLocation } from "../../registry/upload/location.ts";
import { drain } from "../../registry/wire/drain.ts";
import type { Exchange, Transport } from "../../registry/wire/exchange.ts";
import { askBriefly, type Examination } from "./examination.ts";
import type { Finding } from "./finding.ts";

export interface Remains {
  /** Uploads that have not ended: the place where each goes on, by its path. */
  readonly sessions: Map<string, string>;
  /** Paths of manifests and blobs that were sent, the last one first. */
  readonly contents: Set<string>;
}

/** Milliseconds that the answer to a request which makes something is waited for, whatever else happens. */
const PATIENCE = 5000;
/** Milliseconds for the whole clean-up. */
const CLEANING = 10_000;
const UPLOADS = /^(\/v2\/.+\/)blobs\/uploads\/$/;

export function createRemains(): Remains {
  return { sessions: new Map(), contents: new Set() };
}

/**
 * Notes what is made. What makes an upload is answered before it is aborted: nobody could remove that of which only the
 * registry knows.
 */
export function withRemains(next: Transport, remains: Remains): Transport {
  return async (url, exchange) => {
    const { method, signal } = exchange;
    const target = new URL(url);
    noteContent(target, method, remains);
    if (method !== "POST" || !UPLOADS.test(target.pathname)) {
      const response = await next(url, exchange);
      noteSession(url, exchange, response, remains);
      return response;
    }
    signal?.throwIfAborted();
    const response = await next(url, { ...exchange, signal: AbortSignal.timeout(PATIENCE) });
    noteSession(url, exchange, response, remains);
    if (signal?.aborted) await drain(response);
    signal?.throwIfAborted();
    return response;
  };
}

/** When it is sent: whether it arrived may never be known. */
function noteContent(target: URL, method: string, { sessions, contents }: Remains): void {
  if (method !== "PUT") return;
  const digest = target.searchParams.get("digest");
  if (/^\/v2\/.+\/manifests\/[^/]+$/.test(target.pathname)) contents.add(target.pathname);
  else if (digest !== null && sessions.has(target.pathname)) contents.add(`digest:${digest}`);
}

function noteSession(
  url: string,
  { method }: Exchange,
  { status, ok, headers }: Response,
  { sessions }: Remains,
): void {
  const { pathname } = new URL(url);
  const isKnown = sessions.has(pathname);
  const isOver = (method === "PUT" && ok) || (method === "DELETE" && (ok || status === 404 || status === 410));
  if (isKnown && isOver) return void sessions.delete(pathname);
  const isOpened = method === "POST" && UPLOADS.test(pathname) && status === 202;
  const location = headers.get("location");
  if (location === null || !URL.canParse(location, url) || !(isOpened || (isKnown && method === "PATCH" && ok))) return;
  sessions.delete(pathname);
  const resolved = resolveLocation("Cannot clean up", location, url);
  sessions.set(new URL(resolved).pathname, resolved);
}

/** Removes all of it within ten seconds, the user's abort or not. undefined where there was nothing to remove. Never throws. */
export async function cleanUp(examination: Examination, { sessions, contents }: Remains): Promise<Finding | undefined> {
  if (sessions.size + contents.size === 0) return undefined;
  const own: Examination = { ...examination, signal: AbortSignal.timeout(CLEANING) };
  // Where a Location may not be followed, it may be right but for its host.
  for (const location of [...sessions.values()])
    if (!(await isRemoved(own, location))) await isRemoved(own, pathOf(location));
  let left = 0;
  for (const content of [...contents].reverse()) {
    const path = content.replace(/^digest:/, `/v2/${own.path}/blobs/`);
    if (!(await isRemoved(own, path))) left++;
  }
  return describe(contents.size, left, sessions.size);
}

function pathOf(location: string): string {
  const { pathname, search } = new URL(location);
  return `${pathname}${search}`;
}

/**
 * Removes one thing; whether it is gone. Some token servers give "delete" to nobody, and say so by giving nothing; others want
 * it for ending an upload, too. Never throws.
 */
export async function isRemoved(examination: Examination, url: string): Promise<boolean> {
  for (const actions of ["pull,push", "pull,push,delete"] as const) {
    try {
      const { ok, status } = await askBriefly(examination, actions, "DELETE", url);
      if (ok || status === 404 || status === 410) return true;
      if (status !== 401 && status !== 403) return false;
    } catch {
      if (examination.signal?.aborted) return false;
    }
  }
  return false;
}

function describe(all: number, left: number, uploads: number): Finding {
  const check = "clean-up";
  if (left + uploads === 0) return { check, state: "ok", said: "what was written is removed" };
  const parts = [
    ...(left > 0 ? [`${left} of ${all} things that were written, without a tag`] : []),
    ...(uploads > 0 ? [uploads === 1 ? "an unfinished upload" : `${uploads} unfinished uploads`] : []),
  ];
  const said = `${parts.join(", and ")}, 1.3 MB at most: the registry does not remove them on request`;
  return { check, state: "note", said, advice: "its garbage collection takes them" };
}
