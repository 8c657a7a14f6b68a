/** A blob into a registry: one POST, one PUT. OCI distribution-spec v1.1 "POST then PUT" and "Mounting a blob". */
import { backoff, pause } from "../bytes/retry.ts";
import type { ByteStream } from "../bytes/stream.ts";
import { clean } from "../bytes/text.ts";
import { AppError, RegistryError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { read } from "../store/read.ts";
import type { Call, Content } from "../store/store.ts";
import type { Client } from "./client.ts";
import { mountScope, pushScope, uploadsPath } from "./endpoint.ts";
import { resolveLocation } from "./location.ts";
import { drain } from "./wire/drain.ts";
import type { Upload } from "./wire/exchange.ts";
import { networkReason } from "./wire/network.ts";
import { isPassing } from "./wire/retry.ts";

/** Upload sessions that refused mounts left open, by what was to be mounted. */
export type Sessions = Map<Digest, string>;

/**
 * Uploads a blob. Its bytes are verified while they go: the last ones are only sent when size and digest are right, so that
 * a wrong blob never completes. A failed try begins anew with a session of its own, except for content that can be read
 * only once. Errors of the source are passed on as they are.
 */
export async function uploadBlob(
  client: Client,
  path: string,
  content: Content,
  sessions: Sessions,
  { signal }: Call = {},
): Promise<void> {
  const { digest } = content.descriptor;
  const what = `Cannot write "${client.host}/${path}@${digest}"`;
  for (let attempt = 1; ; attempt++) {
    const body = uploadOf(content, signal);
    const reused = sessions.get(digest);
    sessions.delete(digest);
    const location = reused ?? (await startSession(client, what, path, signal));
    try {
      const headers = { "content-type": "application/octet-stream" };
      const options = { headers, upload: body, scopes: pushScope(path), signal };
      return await drain(await client.send(what, "PUT", withDigest(location, digest), options));
    } catch (error) {
      signal?.throwIfAborted();
      if (body.failure) throw body.failure.error;
      if (!isWorthAgain(error, reused !== undefined) || attempt >= client.retry.attempts) {
        await cancel(client, path, location, signal);
        throw error;
      }
      if (content.once && body.opened) throw spent(what, error);
      const milliseconds = backoff(client.retry, attempt + 1);
      client.onWait({ milliseconds, why: "retry", reason: clean(reasonFor(error), 200) });
      await pause(milliseconds, signal);
    }
  }
}

/** A body whose source's failures are told apart from the network's. */
interface Body extends Upload {
  opened: boolean;
  failure?: { readonly error: unknown };
}

function uploadOf(content: Content, signal: AbortSignal | undefined): Body {
  const body: Body = {
    length: content.descriptor.size,
    opened: false,
    once: content.once,
    async *open(): ByteStream {
      body.opened = true;
      try {
        yield* read(content, { signal });
      } catch (error) {
        body.failure = { error };
        throw error;
      }
    },
  };
  return body;
}

async function startSession(
  client: Client,
  what: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const response = await client.send(what, "POST", uploadsPath(path), { scopes: pushScope(path), signal });
  await drain(response);
  return locationOf(client, what, path, response, signal);
}

async function locationOf(
  client: Client,
  what: string,
  path: string,
  response: Response,
  signal: AbortSignal | undefined,
): Promise<string> {
  const request = `${await client.origin(what, { signal })}${uploadsPath(path)}`;
  return resolveLocation(what, response.headers.get("location"), request);
}

/** Adds the digest to a Location, whose query is signed by some: it stays letter for letter. */
function withDigest(location: string, digest: Digest): string {
  return `${location}${location.includes("?") ? "&" : "?"}digest=${digest}`;
}

/** A session that was left from a refused mount may have ended; all other refusals stand. */
function isWorthAgain(error: unknown, wasReused: boolean): boolean {
  if (error instanceof RegistryError) return isPassing(error.status) || (wasReused && error.status === 404);
  return error instanceof AppError && error.code === "NETWORK";
}

function reasonFor(error: unknown): string {
  return error instanceof AppError && error.cause !== undefined ? networkReason(error.cause) : networkReason(error);
}

function spent(what: string, cause: unknown): AppError {
  return new AppError(
    "NETWORK",
    `${what}: the upload broke, and its content came from a pipe that cannot be read again`,
    {
      cause,
      hint: reasonFor(cause),
    },
  );
}

/** Best effort: registries end sessions by themselves. */
async function cancel(client: Client, path: string, location: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await drain(await client.send("Cannot cancel an upload", "DELETE", location, { scopes: pushScope(path), signal }));
  } catch {
    // The failure before is the one to tell.
  }
}

/**
 * Takes a blob over from another repository of the registry; false where that is refused, for whatever reason. The upload
 * session that a registry opens instead is kept for the upload that follows.
 */
export async function mountBlob(
  client: Client,
  path: string,
  { digest }: Descriptor,
  from: string,
  sessions: Sessions,
  { signal }: Call = {},
): Promise<boolean> {
  const what = `Cannot mount "${client.host}/${path}@${digest}"`;
  try {
    const response = await client.send(what, "POST", `${uploadsPath(path)}?mount=${digest}&from=${from}`, {
      scopes: mountScope(path, from),
      signal,
    });
    await drain(response);
    if (response.status === 201) return true;
    if (response.status === 202) sessions.set(digest, await locationOf(client, what, path, response, signal));
    return false;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AppError && error.code !== "NETWORK") return false;
    throw error;
  }
}
