/** Upload sessions: how one begins, goes on and is given up. OCI distribution-spec v1.1 "Pushing blobs". */
import type { Call, Content } from "../../store/store.ts";
import type { Client } from "../client.ts";
import { pushScope, uploadsPath } from "../endpoint.ts";
import { checkStored } from "../stored.ts";
import { drain } from "../wire/drain.ts";
import type { Effort } from "../wire/exchange.ts";
import { resolveLocation } from "./location.ts";

/** One blob on its way into one repository. */
export interface Job extends Call {
  readonly client: Client;
  /** How its errors begin: `Cannot write "..."`. */
  readonly what: string;
  readonly path: string;
  readonly content: Content;
  /** Goes with each request that begins, carries or ends the upload. */
  readonly effort: Effort;
}

/** A place that a registry keeps for one upload. */
export interface Session {
  readonly location: string;
  /** Fewest bytes of a chunk that is not the last; 0 where the registry does not mind. */
  readonly minimum: number;
}

export const BLOB_HEADERS: Readonly<Record<string, string>> = { "content-type": "application/octet-stream" };

/** A chunk is never made larger than this many bytes, whatever a registry asks for. */
const LARGEST_MINIMUM = 5 * 2 ** 30;

/** Opens a session. */
export async function startSession({ client, what, path, effort, signal }: Job): Promise<Session> {
  const response = await client.send(what, "POST", uploadsPath(path), { effort, scopes: pushScope(path), signal });
  await drain(response);
  return sessionOf(client, what, path, response, { signal });
}

/** The session that the answer to a POST names. Throws UNSUPPORTED where it names none that may be used. */
export async function sessionOf(
  client: Client,
  what: string,
  path: string,
  { headers }: Response,
  options: Call = {},
): Promise<Session> {
  const request = `${await client.origin(what, options)}${uploadsPath(path)}`;
  const minimum = Number(headers.get("oci-chunk-min-length") ?? 0);
  return {
    location: resolveLocation(what, headers.get("location"), request),
    minimum: Number.isSafeInteger(minimum) && minimum > 0 && minimum <= LARGEST_MINIMUM ? minimum : 0,
  };
}

/** Where to send what comes after an answer: each may name a new place. */
export function nextLocation({ what }: Job, location: string, { headers }: Response): string {
  const next = headers.get("location");
  return next === null ? location : resolveLocation(what, next, location);
}

/** Adds the digest to a Location, whose query is signed by some: it stays letter for letter. */
export function withDigest(location: string, { descriptor }: Content): string {
  return `${location}${location.includes("?") ? "&" : "?"}digest=${descriptor.digest}`;
}

/** Ends a session whose bytes are all there. Throws INTEGRITY where the registry stored something else. */
export async function endSession(
  { client, what, path, content, effort, signal }: Job,
  location: string,
): Promise<void> {
  const options = { headers: BLOB_HEADERS, effort, scopes: pushScope(path), signal };
  const response = await client.send(what, "PUT", withDigest(location, content), options);
  await drain(response);
  checkStored(what, response, content.descriptor.digest);
}

/** Gives a session up: one try, since registries end them by themselves. Never throws. */
export async function cancelSession({ client, path, signal }: Job, { location }: Session): Promise<void> {
  const options = { courtesy: true, scopes: pushScope(path), signal };
  try {
    await drain(await client.send("Cannot cancel an upload", "DELETE", location, options));
  } catch {
    // The failure before is the one to tell.
  }
}
