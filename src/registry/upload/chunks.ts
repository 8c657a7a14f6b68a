/** A blob in chunks, for registries that refuse large requests. OCI distribution-spec v1.1 "Pushing a blob in chunks". */
import { AppError, RegistryError } from "../../errors.ts";
import { pushScope } from "../endpoint.ts";
import { isPassingError, type Tries } from "../tries.ts";
import { drain } from "../wire/drain.ts";
import type { Body } from "./body.ts";
import { BLOB_HEADERS, endSession, type Job, nextLocation, type Session } from "./session.ts";

/** How far an upload is, and where it goes on. */
interface Progress {
  readonly at: number;
  readonly location: string;
}

/**
 * Sends PATCHes of `length` bytes (more where the session wants it), each to where the answer before said, then an empty
 * PUT. After a broken chunk the registry is asked how far it came, and content that can be read again goes on from there.
 * A chunk that is refused is the caller's error.
 */
export async function sendChunks(job: Job, session: Session, body: Body, length: number, tries: Tries): Promise<void> {
  const { size } = job.content.descriptor;
  let progress: Progress = { at: 0, location: session.location };
  while (progress.at < size) {
    const end = Math.min(size, progress.at + Math.max(length, session.minimum));
    try {
      progress = await sendChunk(job, progress, body, end);
      tries.renew();
    } catch (error) {
      job.signal?.throwIfAborted();
      if (body.failure || job.content.once || !(isPassingError(error) || isRangeError(error))) throw error;
      await tries.again(error, job);
      const found = await findProgress(job, progress.location, end);
      if (found === undefined || (isRangeError(error) && found.at === progress.at)) throw error;
      if (found.at > progress.at) tries.renew();
      progress = found;
    }
  }
  await endSession(job, progress.location);
}

async function sendChunk(job: Job, { at, location }: Progress, body: Body, end: number): Promise<Progress> {
  const { client, what, path, effort, signal } = job;
  const response = await client.send(what, "PATCH", location, {
    headers: { ...BLOB_HEADERS, "content-range": `${at}-${end - 1}` },
    upload: body.part(at, end),
    effort,
    scopes: pushScope(path),
    signal,
  });
  await drain(response);
  return { at: end, location: nextLocation(job, location, response) };
}

/** What the registry has of the upload; undefined where it does not say, or knows nothing of it. */
async function findProgress(job: Job, location: string, sent: number): Promise<Progress | undefined> {
  const { client, what, path, signal } = job;
  try {
    const response = await client.send(what, "GET", location, { scopes: pushScope(path), signal });
    await drain(response);
    const last = /^(?:bytes[= ])?0-(\d+)$/.exec(response.headers.get("range") ?? "")?.[1];
    // `0-0` is what an empty upload has.
    const at = last === undefined ? 0 : Number(last) === 0 ? 0 : Number(last) + 1;
    const isSense = response.status === 204 && last !== undefined && at <= sent;
    return isSense ? { at, location: nextLocation(job, location, response) } : undefined;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/** The registry has fewer bytes, or more, than the chunk's place; or it does not like its length. */
function isRangeError(error: unknown): boolean {
  return error instanceof RegistryError && error.status === 416;
}
