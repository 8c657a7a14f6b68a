/** What the endpoints get to see of a request. */
import { type ByteStream, streamOf } from "../bytes/stream.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { Sink, Source, Store } from "../store/store.ts";
import { Refusal } from "./errors.ts";

/** One request to one repository, whose name has been checked. */
export interface Exchange {
  readonly request: Request;
  readonly url: URL;
  readonly store: Store;
  readonly repository: Source;
  /** The repository's path. */
  readonly path: string;
  /** Writes are refused whatever the store can do. */
  readonly readOnly: boolean;
}

/** The repository as one that takes content; a 405 where it does not. */
export function writable({ repository, readOnly }: Exchange): Sink {
  if (!readOnly && "put" in repository) return repository as Sink;
  throw new Refusal(405, "UNSUPPORTED", "this registry is read-only", { headers: { allow: "GET, HEAD" } });
}

/** The request's body, however little there is of it. */
export function bodyOf(request: Request): ByteStream {
  return (request.body as ByteStream | null) ?? streamOf();
}

/** The Content-Length, where there is a sensible one. */
export function lengthOf(request: Request): number | undefined {
  const text = request.headers.get("content-length") ?? "";
  const length = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(length) ? length : undefined;
}

/** A digest from outside; a 400 for anything else. */
export function checkedDigest(text: string | null): Digest {
  if (isDigest(text)) return text;
  throw new Refusal(400, "DIGEST_INVALID", "a sha256 or sha512 digest was expected", { detail: text?.slice(0, 200) });
}
