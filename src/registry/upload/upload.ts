/** A blob into a registry, in whichever way that takes it. OCI distribution-spec v1.1 "Pushing blobs". */
import { AppError, RegistryError } from "../../errors.ts";
import type { Call, Content } from "../../store/store.ts";
import type { Client } from "../client.ts";
import { hasContent } from "../presence.ts";
import { brokenBy, createTries, isPassingError, type Tries } from "../tries.ts";
import { isPassing } from "../wire/passing.ts";
import { type Body, openBody } from "./body.ts";
import { sendChunks } from "./chunks.ts";
import { cancelSession, type Job, type Session, startSession } from "./session.ts";
import { type Uploads, uploadKey } from "./uploads.ts";
import { sendByPatch, sendByPut } from "./whole.ts";

/** The chunks to begin with, in bytes: below the limits of the usual proxies. */
const CHUNK = 32 << 20;
/** Nobody has a reason to refuse this many. */
const SMALLEST_CHUNK = 256 << 10;
/** Refusals that stand, however the same bytes are sent. */
const FINAL = /DIGEST_INVALID|SIZE_INVALID|NAME_|MANIFEST_|UNAUTHORIZED|DENIED|TOOMANYREQUESTS/;

/**
 * Uploads a blob. Its bytes are verified while they go: the last ones are only sent when size and digest are right, so that
 * a wrong blob never completes. By one PUT; where a registry does not take that, by one PATCH; where it is too large, in
 * chunks: what was learned is kept in `uploads`. A failed try begins anew with a session of its own, except for content that
 * can be read only once; the old session is given up where the registry itself has ended the try. Errors of the source are
 * passed on as they are; INTEGRITY where the registry stored other bytes.
 */
export function uploadBlob(
  client: Client,
  path: string,
  content: Content,
  uploads: Uploads,
  { signal }: Call = {},
): Promise<void> {
  const { digest } = content.descriptor;
  const what = `Cannot write "${client.host}/${path}@${digest}"`;
  async function work(): Promise<void> {
    const tries = createTries(client);
    await upload({ client, what, path, content, effort: tries.effort, signal }, uploads, tries);
  }
  return uploads.alone(uploadKey(path, digest), work, { signal });
}

/** One try: what it used, and what became of it. */
interface Attempt {
  readonly session: Session;
  /** The session is one that a mount left: it may have ended. */
  readonly isReused: boolean;
  readonly way: Uploads["way"];
  /** Bytes of its largest request. */
  readonly length: number;
  readonly isChunked: boolean;
  readonly body: Body;
}

async function upload(job: Job, uploads: Uploads, tries: Tries): Promise<void> {
  const { content, signal } = job;
  const before = { way: uploads.way, largest: uploads.largest };
  for (const tried = new Set<Uploads["way"]>(); ; ) {
    await using body = openBody(content, { signal });
    const attempt = await begin(job, uploads, body);
    tried.add(attempt.way);
    try {
      return await send(job, attempt, tries);
    } catch (error) {
      signal?.throwIfAborted();
      const isEnded = attempt.isReused && isRefusal(error) && error.status === 404;
      if (body.failure || (isDoneWith(error) && !isEnded)) await cancelSession(job, attempt.session);
      if (body.failure) throw body.failure.error;
      if ((body.finished || isConflict(error)) && (await isThere(job))) return;
      const isAnother = isEnded || learn(error, attempt, uploads, tried);
      if (!isAnother && !isWorthAgain(error)) {
        // What is refused in every way has taught nothing about ways.
        if (tried.size > 1 || attempt.isChunked) Object.assign(uploads, before);
        throw error;
      }
      if (content.once && body.opened) throw spent(job.what, error);
      if (!isAnother) await tries.again(error, { signal });
    }
  }
}

async function begin(job: Job, uploads: Uploads, body: Body): Promise<Attempt> {
  const key = uploadKey(job.path, job.content.descriptor.digest);
  const reused = uploads.sessions.get(key);
  uploads.sessions.delete(key);
  const session = reused ?? (await startSession(job));
  const { size } = job.content.descriptor;
  const length = Math.min(size, Math.max(uploads.largest, session.minimum));
  return { session, isReused: reused !== undefined, way: uploads.way, length, isChunked: length < size, body };
}

function send(job: Job, { session, way, length, isChunked, body }: Attempt, tries: Tries): Promise<void> {
  if (isChunked) return sendChunks(job, session, body, length, tries);
  return way === "put" ? sendByPut(job, session, body) : sendByPatch(job, session, body);
}

/** Draws a conclusion from a refusal: true when there is another way to send the blob, which is then the one for all. */
function learn(error: unknown, attempt: Attempt, uploads: Uploads, tried: ReadonlySet<Uploads["way"]>): boolean {
  if (!isRefusal(error)) return false;
  if (isTooLarge(error)) {
    const smaller = Math.min(CHUNK, Math.floor(attempt.length / 4));
    if (smaller < SMALLEST_CHUNK || attempt.length <= attempt.session.minimum) return false;
    uploads.largest = Math.min(uploads.largest, smaller);
    return true;
  }
  const other = attempt.way === "put" ? "patch" : "put";
  if (attempt.isChunked) return false;
  if (![400, 404, 405].includes(error.status) || FINAL.test(error.errors.join(" ")) || tried.has(other)) return false;
  uploads.way = other;
  return true;
}

/** Something may have come in between, or another worker; or all of it arrived, and only the answer was lost. */
async function isThere({ client, path, content, signal }: Job): Promise<boolean> {
  try {
    return await hasContent(client, path, content.descriptor, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AppError) return false;
    throw error;
  }
}

function isWorthAgain(error: unknown): boolean {
  return isPassingError(error) || (error instanceof RegistryError && error.status === 409);
}

/** The registry understood the request and said no. */
function isRefusal(error: unknown): error is RegistryError {
  return error instanceof RegistryError && !isPassing(error.status);
}

/** Nothing goes on at the registry: behind a gateway that gave up (502, 504), the content may still be moved into place. */
function isDoneWith(error: unknown): boolean {
  return isRefusal(error) || (error instanceof RegistryError && error.status === 500);
}

/** By the limit of a registry or a proxy; GHCR says 416 to a large PATCH. */
function isTooLarge({ status }: RegistryError): boolean {
  return status === 413 || status === 416;
}

/** What registries say when somebody else uploads the same. */
function isConflict(error: unknown): boolean {
  if (!isRefusal(error)) return false;
  return error.status === 409 || error.errors.includes("BLOB_UPLOAD_INVALID") || /already exist/i.test(error.message);
}

function spent(what: string, cause: unknown): AppError {
  return new AppError(
    "NETWORK",
    `${what}: the upload broke, and its content came from a pipe that cannot be read again`,
    { cause, hint: brokenBy(cause) },
  );
}
