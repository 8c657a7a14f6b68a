/** The bytes of one descriptor from a registry, through any number of cut connections. RFC 9110 section 14 "Range Requests". */
import type { ByteStream, Range } from "../bytes/stream.ts";
import { clean } from "../bytes/text.ts";
import { AppError, IntegrityError } from "../errors.ts";
import { type Descriptor, isManifest } from "../oci/descriptor.ts";
import { ACCEPT_MANIFESTS } from "../oci/media-types.ts";
import { MANIFEST_LIMIT } from "../store/read.ts";
import type { Call } from "../store/store.ts";
import type { Client } from "./client.ts";
import { contentPath, pullScope } from "./endpoint.ts";
import { createTries } from "./tries.ts";
import { drain } from "./wire/drain.ts";
import { networkError } from "./wire/failure.ts";
import { isMistake } from "./wire/mistake.ts";
import { bodyOf, cancelBody } from "./wire/reading.ts";

/** A connection that brought this many bytes was worth it: the count of tries begins anew. */
const PROGRESS = 1 << 20;

/**
 * Bytes `[start, end)` of a descriptor, unverified. After a cut, or a silence, it goes on from the last byte, at the
 * registry's own URL since those it redirects to expire. Nothing is requested for an empty range. Throws NOT_FOUND;
 * INTEGRITY where the registry has another size or range; UNSUPPORTED where it encodes; NETWORK after the last try.
 */
export async function* download(
  client: Client,
  path: string,
  descriptor: Descriptor,
  { start = 0, end = descriptor.size, signal }: Range & Call = {},
): ByteStream {
  const what = `Cannot read "${client.host}/${path}@${descriptor.digest}"`;
  if (isManifest(descriptor) && descriptor.size > MANIFEST_LIMIT)
    throw new AppError("UNSUPPORTED", `${what}: ${descriptor.size} bytes are more than the limit of ${MANIFEST_LIMIT}`);
  const tries = createTries(client);
  for (let at = start; at < end; ) {
    const before = at;
    try {
      const response = await request(client, what, path, descriptor, { start: at, end, signal });
      for await (const chunk of part(response, what, descriptor, { start: at, end })) {
        at += chunk.length;
        yield chunk;
      }
      if (at >= end) return;
      throw new Error(`the connection ended after ${at} of ${end} bytes`);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof AppError || isMistake(error)) throw error;
      if (at - before >= PROGRESS) tries.renew();
      await tries.again(networkError(what, client.host, error), { signal });
    }
  }
}

/** Asks for the range; where that is refused, for everything: the registry, or a proxy before it, may know no ranges. */
async function request(
  client: Client,
  what: string,
  path: string,
  descriptor: Descriptor,
  { start, end, signal }: { start: number; end: number; signal: AbortSignal | undefined },
): Promise<Response> {
  const isWhole = start === 0 && end >= descriptor.size;
  const headers = isManifest(descriptor) ? { accept: ACCEPT_MANIFESTS } : {};
  const options = { bulk: !isManifest(descriptor), scopes: pullScope(path), signal };
  const url = contentPath(path, descriptor);
  if (isWhole) return client.send(what, "GET", url, { ...options, headers });
  const range = { ...headers, range: `bytes=${start}-${end - 1}` };
  const response = await client.send(what, "GET", url, { ...options, headers: range, expect: [416] });
  if (response.status !== 416) return response;
  await drain(response);
  return client.send(what, "GET", url, { ...options, headers });
}

/** The wanted bytes of an answer, whichever range it has. */
async function* part(
  response: Response,
  what: string,
  descriptor: Descriptor,
  { start, end }: { start: number; end: number },
): ByteStream {
  let skip: number;
  try {
    skip = check(response, what, descriptor, start, end);
  } catch (error) {
    await cancelBody(response);
    throw error;
  }
  // Of the whole content, excess bytes are passed on: whoever verifies must see them.
  let left = end >= descriptor.size ? Number.POSITIVE_INFINITY : end - start;
  for await (const chunk of bodyOf(response)) {
    const wanted = skip === 0 ? chunk : chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - wanted.length;
    if (wanted.length === 0) continue;
    const some = wanted.length > left ? wanted.subarray(0, left) : wanted;
    left -= some.length;
    yield some;
    if (left === 0) return;
  }
}

/** How many bytes of the answer are before the first wanted one. Throws for an answer that cannot be what was asked for. */
function check({ status, headers }: Response, what: string, { size }: Descriptor, start: number, end: number): number {
  const coding = headers.get("content-encoding") ?? "identity";
  if (coding !== "identity")
    throw new AppError("UNSUPPORTED", `${what}: it came encoded as "${clean(coding, 20)}", which changes its bytes`);
  if (status === 206) {
    const range = headers.get("content-range") ?? "";
    const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range) ?? [];
    const isRight =
      Number(first) === start &&
      Number(last) >= start &&
      Number(last) < end &&
      (total === "*" || Number(total) === size);
    if (isRight) return 0;
    throw mismatch(what, `bytes ${start}-${end - 1}/${size}`, range === "" ? "no Content-Range" : clean(range, 80));
  }
  if (status !== 200) throw new AppError("NETWORK", `${what}: the registry answered ${status} to a download`);
  const length = headers.get("content-length");
  if (length !== null && Number(length) !== size) throw mismatch(what, `${size} bytes`, `${clean(length, 20)} bytes`);
  return start;
}

function mismatch(what: string, expected: string, actual: string): IntegrityError {
  return new IntegrityError(`${what}: expected ${expected}, the registry has ${actual}`, { expected, actual });
}
