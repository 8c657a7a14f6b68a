/** Whether images can be read, and how well: names, digests, ranges, quota, by whom. */
import { AppError } from "../../errors.ts";
import { type Descriptor, isManifest } from "../../oci/descriptor.ts";
import { isDigest } from "../../oci/digest.ts";
import { blobsOf, parseManifest } from "../../oci/manifest.ts";
import { ACCEPT_MANIFESTS } from "../../oci/media-types.ts";
import { openRepository } from "../../registry/repository.ts";
import { listTags } from "../../registry/tags.ts";
import { parsePulls } from "../../registry/traffic/quota.ts";
import { MANIFEST_LIMIT, readAll } from "../../store/read.ts";
import type { Call, Source } from "../../store/store.ts";
import { ask, askBriefly, type Examination, failed, guarded, isRefusal, reasonOf } from "./examination.ts";
import type { Finding } from "./finding.ts";
import { examineRange } from "./range.ts";
import { examineReferrers } from "./referrers.ts";

/** What is known of a repository after reading from it. */
export interface Read {
  /** The tag or digest that was read; undefined: none. */
  readonly name?: string;
  /** The last answer. */
  readonly response?: Response;
}

/** Looks at reading from a repository; `tag` names the image to read, or any. Throws where nobody answers. */
export async function* examinePull(examination: Examination, tag: string | undefined): AsyncGenerator<Finding, Read> {
  const check = "pull";
  const name = tag ?? (yield* anyTag(examination));
  if (name === undefined) return {};
  const accept = { headers: { accept: ACCEPT_MANIFESTS } };
  const path = `/v2/${examination.path}/manifests/${name}`;
  const head = await askBriefly(examination, "pull", "HEAD", path, accept);
  const full = head.ok ? head : await ask(examination, "pull", "GET", path, accept);
  if (!full.ok) {
    yield await refusal(examination, full, name);
    return { response: full };
  }
  if (full !== head) await full.body?.cancel();
  yield { check, state: "ok", said: `"${name}" can be read` };
  yield examineHead(head);
  yield* examineQuota(full.headers);
  yield* guarded("manifest", examination, (own) => examineContent(own, name));
  return { name, response: full };
}

/** A tag to look at. Says why there is none. */
async function* anyTag(examination: Examination): AsyncGenerator<Finding, string | undefined> {
  const { client, path, signal } = examination;
  const check = "pull";
  try {
    const [first] = await listTags(client, path, { signal });
    if (first !== undefined) return first;
    const advice = `where there are images, name one of them: dray doctor ${client.host}/${path}:TAG`;
    yield { check, state: "note", said: "no tags: the repository is empty, or not there", advice };
  } catch (error) {
    if (isRefusal(error)) yield failed(check, examination, error);
    else if (error instanceof AppError && error.code === "UNSUPPORTED")
      yield { ...failed(check, examination, error), state: "note", advice: `name an image: ${path}:TAG` };
    else throw error;
  }
  return undefined;
}

async function* examineContent(examination: Examination, name: string): AsyncGenerator<Finding> {
  const { client, path, signal } = examination;
  const repository = openRepository(client, path);
  const root = await repository.resolve(name, { signal });
  if (!root) return;
  const blob = await smallestBlob(repository, root, { signal });
  if (blob) yield* guarded("blobs", examination, (own) => examineRange(own, blob));
  yield* guarded("referrers", examination, (own) => examineReferrers(own, root.digest));
}

/** Of the first image there is. */
async function smallestBlob(from: Source, root: Descriptor, options: Call): Promise<Descriptor | undefined> {
  const view = parseManifest(root, await readAll(from.get(root), MANIFEST_LIMIT, options));
  if (view.kind === "index") {
    const child = view.children.find(isManifest);
    return child && smallestBlob(from, child, options);
  }
  return blobsOf(view)
    .filter(({ size }) => size > 1)
    .sort((a, b) => a.size - b.size)[0];
}

async function refusal(examination: Examination, response: Response, name: string): Promise<Finding> {
  const check = "pull";
  const said = `"${name}": ${await reasonOf(examination, response)}`;
  if (response.status === 404) return { check, state: "failed", said, advice: "check the name of image and tag" };
  const advice = `dray login ${examination.client.host}, as somebody who may read it`;
  return { check, state: "failed", said, advice: [401, 403].includes(response.status) ? advice : undefined };
}

function examineHead({ ok, headers }: Response): Finding {
  const check = "digest by HEAD";
  if (ok && isDigest(headers.get("docker-content-digest")) && headers.has("content-length"))
    return { check, state: "ok", said: "unchanged images cost one small request" };
  return { check, state: "note", said: "it does not tell: manifests are read to compare them, which counts as pulls" };
}

function* examineQuota(headers: Headers): Generator<Finding> {
  const pulls = parsePulls(headers);
  if (!pulls) return;
  const { limit, remaining, window } = pulls;
  const isLow = remaining * 10 < limit;
  yield {
    check: "quota",
    state: isLow ? "warning" : "ok",
    said: `${remaining} of ${limit} pulls in ${Math.round(window / 360) / 10} h are left; an image costs one for each platform`,
    advice: isLow ? "log in: registries allow more to whom they know; --hub-reserve keeps some" : undefined,
  };
}

/** Whether an image can be read without credentials: asked by somebody who has none. */
export async function* examineAnonymous(nobody: Examination, name: string): AsyncGenerator<Finding> {
  const check = "anonymous pull";
  const yes: Finding = { check, state: "ok", said: "possible as well: it is open to everybody" };
  const no: Finding = { check, state: "ok", said: "not possible: whoever pulls must log in" };
  try {
    const headers = { accept: ACCEPT_MANIFESTS };
    const path = `/v2/${nobody.path}/manifests/${name}`;
    yield (await askBriefly(nobody, "pull", "HEAD", path, { headers })).ok ? yes : no;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    yield no;
  }
}
