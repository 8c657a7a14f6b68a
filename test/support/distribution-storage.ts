/** A distribution registry's storage folder from inside: filled before there are guards, looked at behind their back. */
import { expect } from "bun:test";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { startDebianRegistry } from "./debian-registry.ts";
import { upload } from "./push.ts";
import type { Artifact } from "./random-image.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary.ts";

/** A storage folder with artifacts, each under its name and the tag `v1`. */
export async function seededStorage(
  artifacts: Readonly<Record<string, Artifact>>,
  program?: string,
): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  await mkdir(join(folder.path, "docker"));
  if (Object.keys(artifacts).length === 0) return folder;
  await using registry = await startDebianRegistry({ root: folder.path, program });
  for (const [name, artifact] of Object.entries(artifacts)) await upload(registry.host, name, artifact, "v1");
  return folder;
}

/** Expects an artifact to be in a storage folder, whole and byte for byte, under a name and the tag `v1`. */
export async function expectStored(root: string, name: string, artifact: Artifact): Promise<void> {
  const base = join(root, "docker", "registry", "v2");
  const repository = join(base, "repositories", name);
  const tag = await readFile(join(repository, "_manifests", "tags", "v1", "current", "link"), "utf8");
  expect(tag).toBe(artifact.root.digest);
  const kinds = [
    [artifact.blobs, "_layers"],
    [artifact.manifests, join("_manifests", "revisions")],
  ] as const;
  for (const [parts, kind] of kinds)
    for (const { bytes, descriptor } of parts) {
      const hex = descriptor.digest.slice(7);
      expect(await readFile(join(repository, kind, "sha256", hex, "link"), "utf8")).toBe(descriptor.digest);
      const data = await readFile(join(base, "blobs", "sha256", hex.slice(0, 2), hex, "data"));
      expect(data.equals(bytes)).toBe(true);
    }
}
