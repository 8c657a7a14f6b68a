/** Whether blobs can be written, and how. What is written has no tag, and is noted by its transport to be removed. */
import { randomBytes } from "node:crypto";
import type { Descriptor } from "../../oci/descriptor.ts";
import { uploadsPath } from "../../registry/endpoint.ts";
import { openRepository } from "../../registry/repository.ts";
import { resolveLocation } from "../../registry/upload/location.ts";
import { type Session, sessionOf } from "../../registry/upload/session.ts";
import { createUploads, type Uploads, uploadKey } from "../../registry/upload/uploads.ts";
import { drain } from "../../registry/wire/drain.ts";
import { contentOf } from "../../store/read.ts";
import { about, ask, askBriefly, type Examination, guarded, reasonOf } from "./examination.ts";
import type { Finding } from "./finding.ts";
import { examineRange } from "./range.ts";

/** More than nginx lets pass where nobody told it to: a megabyte. */
const LAYER = 1.25 * 2 ** 20;

/** Looks at whether uploads may begin, and where they go. Returns the one that began. */
export async function* examinePush(examination: Examination): AsyncGenerator<Finding, Session | undefined> {
  const { client, path, signal } = examination;
  const response = await ask(examination, "pull,push", "POST", uploadsPath(path));
  if (response.status !== 202) {
    yield await refusal(examination, response);
    return undefined;
  }
  await drain(response);
  yield { check: "push", state: "ok", said: "uploads are accepted" };
  yield* examineSession(examination, response);
  return sessionOf(client, about(client), path, response, { signal });
}

async function refusal(examination: Examination, response: Response): Promise<Finding> {
  const { host } = examination.client;
  const { status } = response;
  const finding = { check: "push", said: `refused: ${await reasonOf(examination, response)}` };
  const source = "--read-only leaves this out where images only come from";
  if (status === 404) {
    const advice = "make the repository or its project first, where the registry makes none by itself";
    return { ...finding, state: "failed", advice: `${advice}; ${source}` };
  }
  if (status === 405) return { ...finding, state: "failed", advice: `it is read-only; ${source}` };
  const isUnknown = status === 401 || status === 403;
  const advice = isUnknown ? `dray login ${host}, as somebody who may write; ${source}` : source;
  return { ...finding, state: "failed", advice };
}

/** What the answer to the beginning of an upload tells. */
async function* examineSession(examination: Examination, { headers }: Response): AsyncGenerator<Finding> {
  const { client, path } = examination;
  const home = new URL(await client.origin(about(client), examination));
  const location = headers.get("location");
  if (location !== null && URL.canParse(location, home)) yield* examineLocation(home, path, location);
  const least = Number(headers.get("oci-chunk-min-length") ?? 0);
  if (Number.isSafeInteger(least) && least > 0)
    yield { check: "chunks", state: "ok", said: `of ${least} bytes at least, where chunks are needed` };
}

function* examineLocation(home: URL, path: string, location: string): Generator<Finding> {
  const check = "location";
  const to = new URL(location, home);
  if (to.origin === home.origin) return;
  const used = new URL(resolveLocation("Cannot upload", location, `${home.origin}${uploadsPath(path)}`));
  if (used.origin !== home.origin) {
    const said = `uploads go to ${to.host}: firewall and proxy must let it pass, too; credentials stay here`;
    yield { check, state: "note", said };
    return;
  }
  yield {
    check,
    state: "note",
    said: `uploads are sent to ${to.origin}, which is not how the registry is reached: a run uses ${home.origin}`,
    advice: "let the proxy before the registry hand on Host and X-Forwarded-Proto, for those who take it at its word",
  };
}

/**
 * Writes a layer of random bytes in a session that is open, reads it again where nothing was `read` before, and mounts it.
 * Returns it.
 */
export async function* examineUpload(
  examination: Examination,
  session: Session,
  { read }: { read: boolean },
): AsyncGenerator<Finding, Descriptor> {
  const { client, path, signal } = examination;
  const uploads = createUploads();
  const layer = contentOf("application/vnd.oci.image.layer.v1.tar", new Uint8Array(randomBytes(LAYER)));
  uploads.sessions.set(uploadKey(path, layer.descriptor.digest), session);
  await openRepository(client, path, uploads).put(layer, { signal });
  yield describeUpload(uploads);
  if (!read) yield* guarded("blobs", examination, (own) => examineRange(own, layer.descriptor));
  yield* guarded("mount", examination, (own) => examineMount(own, layer.descriptor));
  return layer.descriptor;
}

/** By what the client learned while it uploaded. */
function describeUpload({ way, largest }: Uploads): Finding {
  const check = "upload";
  if (largest < LAYER) {
    const said = "requests of more than a megabyte or so are refused: a run sends layers in chunks, which is slower";
    const advice = "raise the limit of the proxy before the registry: client_max_body_size 0; in nginx";
    return { check, state: "warning", said, advice };
  }
  if (way === "patch")
    return { check, state: "note", said: "only by PATCH, as old registries want it: a run does that" };
  return { check, state: "ok", said: "a blob was written in one request, and its digest agreed" };
}

/** From the repository to itself: another one would have to be made, and few registries let one be removed. */
async function* examineMount(examination: Examination, { digest }: Descriptor): AsyncGenerator<Finding> {
  const check = "mount";
  const { path } = examination;
  const url = `${uploadsPath(path)}?mount=${digest}&from=${path}`;
  const response = await askBriefly(examination, "pull,push", "POST", url);
  if (response.status === 201) yield { check, state: "ok", said: "shared layers are uploaded once" };
  else yield { check, state: "note", said: "not offered: shared layers are uploaded once for each repository" };
}
