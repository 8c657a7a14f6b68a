/** Puts a made-up artifact where a test wants it: blobs first, then children, then the root. */
import type { Sink } from "../../src/store/store.ts";
import type { Artifact } from "./random-image.ts";
import type { Part } from "./random-layer.ts";

/** Into a sink. Without a tag the root is known by its digest only. */
export async function pushTo(sink: Sink, artifact: Artifact, tag?: string): Promise<void> {
  for (const blob of artifact.blobs) await sink.put(blob);
  for (const manifest of artifact.manifests) await sink.put(manifest);
  const root = artifact.manifests.at(-1);
  if (root && tag !== undefined) await sink.tag(tag, root);
}

/** Into any registry at `host` (`127.0.0.1:5000`), over plain HTTP with nothing but fetch. */
export async function upload(host: string, path: string, artifact: Artifact, tag?: string): Promise<void> {
  const base = `http://${host}/v2/${path}`;
  for (const blob of artifact.blobs) await uploadBlob(base, blob);
  for (const manifest of artifact.manifests) await putManifest(base, manifest, manifest.descriptor.digest);
  const root = artifact.manifests.at(-1);
  if (root && tag !== undefined) await putManifest(base, root, tag);
}

async function uploadBlob(base: string, { bytes, descriptor }: Part): Promise<void> {
  const started = await fetch(`${base}/blobs/uploads/`, { method: "POST" });
  await expectStatus(started, 202);
  const location = new URL(started.headers.get("location") ?? "", `${base}/blobs/uploads/`);
  const target = `${location}${location.search ? "&" : "?"}digest=${descriptor.digest}`;
  const headers = { "content-type": "application/octet-stream" };
  await expectStatus(await fetch(target, { method: "PUT", body: bytes, headers }), 201);
}

async function putManifest(base: string, { bytes, descriptor }: Part, reference: string): Promise<void> {
  const headers = { "content-type": descriptor.mediaType };
  await expectStatus(await fetch(`${base}/manifests/${reference}`, { method: "PUT", body: bytes, headers }), 201);
}

async function expectStatus(response: Response, status: number): Promise<void> {
  const body = await response.text();
  if (response.status !== status) throw new Error(`${response.url} answered ${response.status}: ${body}`);
}
