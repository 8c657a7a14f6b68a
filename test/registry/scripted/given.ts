/** Content of the cases, and short words for what many of them do. Nothing of a test runner: they run on Deno too. */
import { match, strictEqual } from "node:assert/strict";
import type { Bytes } from "../../../src/bytes/stream.ts";
import { AppError } from "../../../src/errors.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import type { Keychain } from "../../../src/registry/credentials/credential.ts";
import { readAll } from "../../../src/store/read.ts";
import type { Sink } from "../../../src/store/store.ts";
import { image, type Part, part, randomBytes } from "../../support/random-image.ts";
import type { Extras } from "../../support/scripted-answer.ts";
import { isLike } from "../../support/scripted-line.ts";
import type { Host, Talk } from "../../support/scripted-registry.ts";

/** What is played out against the scripted registry. */
export type Play = (talk: Talk) => Promise<void>;

/** The same play with other arguments, each a case of its own. */
export function each<A extends readonly unknown[]>(
  play: (talk: Talk, ...rest: A) => Promise<void>,
  rows: Readonly<Record<string, A>>,
): Readonly<Record<string, Play>> {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, (talk: Talk) => play(talk, ...row)]));
}

/** A blob of 1,000 bytes. */
export const BLOB: Part = part("application/octet-stream", randomBytes("scripted", 1000));
export const BLOB_PATH = `/v2/a/blobs/${BLOB.descriptor.digest}`;
/** Large enough to be cut into chunks. */
export const BIG: Part = part("application/octet-stream", randomBytes("scripted chunks", 1_200_000));
export const UPLOADS = "/v2/a/blobs/uploads/";
export const OPENED: string = `POST ${UPLOADS} [content-length: 0] -> 202 [location: /up/1]`;
/** Asked where all bytes were sent: somebody else's may be there, or ours. */
export const ABSENT: string = `HEAD ${BLOB_PATH} -> 404`;
/** An image's manifest. */
export const MANIFEST: Part = image().manifests[0]!;
export const MANIFEST_PATH = "/v2/a/manifests/v1";
export const BASIC = `Basic ${btoa("me:secret")}`;

/** What a token server is asked for, to pull. */
export const PULL = "service=r&scope=repository%3Aa%3Apull";

/** A challenge that names a token server. */
export function bearer({ url }: Host, more = ""): string {
  return `[www-authenticate: Bearer realm="${url}/token",service="r"${more}]`;
}

/** Somebody at every host that asks. */
export function login(username = "me", password = "secret", more: object = {}): Keychain {
  return async () => ({ credential: { username, password, ...more }, origin: "the test", named: true });
}

/** A manifest as registries give it. */
export function given({ bytes, descriptor }: Part): Extras {
  const { mediaType, digest } = descriptor;
  return { body: bytes, headers: { "content-type": mediaType, "docker-content-digest": digest } };
}

/** The body of a refusal. */
export function refusal(code: string, message = ""): object {
  return { errors: [{ code, message }] };
}

/** All bytes of a blob, verified. */
export function pull(from: Sink, { descriptor }: { descriptor: Descriptor } = BLOB): Promise<Bytes> {
  return readAll(from.get(descriptor), 64 << 20);
}

/** Pulls the blob, and compares it. */
export async function pullBlob(from: Sink): Promise<void> {
  strictEqual(Buffer.compare(await pull(from), BLOB.bytes), 0);
}

/** Fails as it should: `CODE: message`, in which `…` stands for anything. */
export async function fails(work: Promise<unknown>, like: string): Promise<AppError> {
  const error = await work.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw error;
  const said = `${error.code}: ${error.message}`;
  if (!isLike(said, like)) throw new Error(`it failed with\n  ${said}\nnot with\n  ${like}`, { cause: error });
  match(said, /^[A-Z_]+: Cannot [^\n\u0000-\u001f]+[^.]$/);
  return error;
}
