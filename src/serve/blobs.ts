/** Downloads of blobs, whole or in ranges. OCI distribution-spec v1.1 "Pulling blobs"; RFC 9110 "Range Requests". */
import { toWeb } from "../bytes/stream.ts";
import type { Digest } from "../oci/digest.ts";
import type { Content, Sink } from "../store/store.ts";
import { Refusal } from "./errors.ts";
import { checkedDigest, type Exchange } from "./exchange.ts";

/** What a digest names never changes. */
export const FOREVER = "public, max-age=31536000, immutable";

/** Answers GET and HEAD. Bytes are not hashed on their way out: whoever receives them does that. */
export async function getBlob(exchange: Exchange, reference: string): Promise<Response> {
  const { request, path } = exchange;
  const digest = checkedDigest(reference);
  const content = await findBlob(exchange, digest);
  if (!content) throw new Refusal(404, "BLOB_UNKNOWN", `"${path}" does not have this blob`, { detail: { digest } });
  const { size } = content.descriptor;
  const etag = `"${digest}"`;
  const headers = {
    "accept-ranges": "bytes",
    "cache-control": FOREVER,
    "content-type": "application/octet-stream",
    "docker-content-digest": digest,
    etag,
  };
  const { signal } = request;
  const range = rangeOf(request, size, etag);
  if (!range) {
    const body = request.method === "HEAD" ? null : toWeb(content.open({ signal }));
    return new Response(body, { headers: { ...headers, "content-length": String(size) } });
  }
  const { start, end } = range;
  return new Response(request.method === "HEAD" ? null : toWeb(content.open({ start, end, signal })), {
    status: 206,
    headers: {
      ...headers,
      "content-length": String(end - start),
      "content-range": `bytes ${start}-${end - 1}/${size}`,
    },
  });
}

/** The blob if this very repository has it; manifests too, which some clients fetch as blobs. */
async function findBlob({ store, repository, request }: Exchange, digest: Digest): Promise<Content | undefined> {
  const { signal } = request;
  const content = await store.blob?.(digest);
  if (content && (!("has" in repository) || (await (repository as Sink).has(content.descriptor, { signal }))))
    return content;
  const manifest = await repository.resolve(digest, { signal });
  return manifest && repository.get(manifest);
}

/** The range asked for; undefined for the whole: also for several ranges and for what is not understood, as RFC 9110 wants. */
function rangeOf(request: Request, size: number, etag: string): { start: number; end: number } | undefined {
  const condition = request.headers.get("if-range");
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get("range") ?? "");
  if (!match || (match[1] === "" && match[2] === "") || (condition !== null && condition !== etag)) return undefined;
  const start = match[1] === "" ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === "" || match[2] === "" ? size : Math.min(size, Number(match[2]) + 1);
  if (start < end) return { start, end };
  throw new Refusal(416, "SIZE_INVALID", "no such range", { headers: { "content-range": `bytes */${size}` } });
}
