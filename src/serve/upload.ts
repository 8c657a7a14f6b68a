/** Uploads of blobs: whole, streamed, in chunks, or by mounting. OCI distribution-spec v1.1 "Pushing blobs". */
import type { ByteStream } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isRepository } from "../oci/reference.ts";
import type { Content, Sink } from "../store/store.ts";
import { Refusal } from "./errors.ts";
import { bodyOf, checkedDigest, type Exchange, lengthOf, writable } from "./exchange.ts";
import type { Upload, Uploads } from "./upload-sessions.ts";

const BLOB = "application/octet-stream";

/** Answers POST: mounts, takes the whole blob at once, or opens an upload. */
export async function startUpload(exchange: Exchange, uploads: Uploads): Promise<Response> {
  const sink = writable(exchange);
  const { url, path } = exchange;
  const { mount, from, digest } = Object.fromEntries(url.searchParams);
  if (isDigest(mount) && from !== undefined && (await mounted(exchange, sink, mount, from)))
    return created(path, mount);
  const whole = digest === undefined ? undefined : checkedDigest(digest);
  const upload = await uploads.start(path);
  if (whole === undefined) return accepted(upload);
  try {
    return await complete(exchange, sink, uploads, upload, whole);
  } finally {
    await uploads.end(upload);
  }
}

async function mounted({ store, request }: Exchange, sink: Sink, digest: Digest, from: string): Promise<boolean> {
  const content = isRepository(from) ? await store.blob?.(digest) : undefined;
  if (!content || !sink.mount) return false;
  return await sink.mount(content.descriptor, { space: sink.place.space, path: from }, { signal: request.signal });
}

/** Answers PATCH, GET, PUT and DELETE of an open upload; undefined for other methods. */
export async function continueUpload(exchange: Exchange, uploads: Uploads, id: string): Promise<Response | undefined> {
  const sink = writable(exchange);
  const { request, url, path } = exchange;
  const upload = uploads.find(path, id);
  switch (request.method) {
    case "GET":
      return accepted(upload, 204);
    case "PATCH":
      await uploads.hold(upload, () => append(upload, request));
      return accepted(upload);
    case "PUT":
      return complete(exchange, sink, uploads, upload, checkedDigest(url.searchParams.get("digest")));
    case "DELETE":
      await uploads.end(upload);
      return new Response(null, { status: 204 });
    default:
      return undefined;
  }
}

/** Adds the request's body. With a Content-Range it must begin where the upload ends. */
async function append(upload: Upload, request: Request): Promise<void> {
  requireOrder(upload, request);
  await upload.spool.append(bodyOf(request));
}

function requireOrder(upload: Upload, request: Request): void {
  const text = request.headers.get("content-range");
  if (text === null) return;
  const match = /^(?:bytes )?(\d+)-(\d+)(?:\/(?:\d+|\*))?$/.exec(text);
  if (Number(match?.[1]) !== upload.spool.size)
    throw new Refusal(416, "BLOB_UPLOAD_INVALID", `the next byte is ${upload.spool.size}`, { headers: place(upload) });
  const length = lengthOf(request);
  if (length !== undefined && length !== Number(match?.[2]) - Number(match?.[1]) + 1)
    throw new Refusal(400, "SIZE_INVALID", "Content-Range and Content-Length do not agree");
}

/** Stores what was uploaded, the request's body last. Wrong bytes end the upload. */
async function complete(
  { request, path }: Exchange,
  sink: Sink,
  uploads: Uploads,
  upload: Upload,
  digest: Digest,
): Promise<Response> {
  const { signal } = request;
  await uploads.hold(upload, async () => {
    try {
      await sink.put(await finished(upload, request, digest), { signal });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "INTEGRITY") throw error;
      await uploads.end(upload);
      throw new Refusal(400, "DIGEST_INVALID", "the bytes are not those of the digest", { detail: { digest } });
    }
  });
  await uploads.end(upload);
  return created(path, digest);
}

/** The blob to store. Where all of it is in this request, and its size is known, it is not spooled on its way. */
async function finished(upload: Upload, request: Request, digest: Digest): Promise<Content> {
  requireOrder(upload, request);
  const length = lengthOf(request);
  if (upload.spool.size === 0 && length !== undefined && length > 0) {
    return arriving(digest, length, () => bodyOf(request));
  }
  await upload.spool.append(bodyOf(request));
  return arriving(digest, upload.spool.size, (signal) => upload.spool.read(signal));
}

function arriving(digest: Digest, size: number, open: (signal?: AbortSignal) => ByteStream): Content {
  return { descriptor: { mediaType: BLOB, digest, size }, once: true, open: ({ signal } = {}) => open(signal) };
}

function created(path: string, digest: Digest): Response {
  const headers = {
    location: `/v2/${path}/blobs/${digest}`,
    "docker-content-digest": digest,
    "content-length": "0",
  };
  return new Response(null, { status: 201, headers });
}

function accepted(upload: Upload, status = 202): Response {
  return new Response(null, { status, headers: place(upload) });
}

function place({ id, path, spool }: Upload): Record<string, string> {
  return {
    location: `/v2/${path}/blobs/uploads/${id}`,
    range: `0-${Math.max(0, spool.size - 1)}`,
    "docker-upload-uuid": id,
    "content-length": "0",
  };
}
