/** One of each kind of image and artifact that registries have, put there by skopeo, and looked at by it. */
import { createHash } from "node:crypto";
import { pushTo, upload } from "./push.ts";
import { type Artifact, attested, chart, image, index, layer, multiPlatform } from "./random-image.ts";
import { startRegistry } from "./registry.ts";
import { runWell } from "./run.ts";

const BOTH = ["linux/amd64", "linux/arm64"];
const shared = layer("shared", 40_000);
const nested = index([multiPlatform(BOTH, { seed: "inner" }), image({ seed: "beside", platform: "linux/amd64" })]);

/** By the repository's name; all have the tag `v1`. */
export const SOURCES: Readonly<Record<string, Artifact>> = {
  "docker/list": multiPlatform([...BOTH, "linux/s390x"], { format: "docker", seed: "list" }),
  "docker/single": image({ format: "docker", seed: "docker" }),
  "oci/index": multiPlatform([...BOTH, "linux/arm/v7"], { seed: "index" }),
  "oci/single": image({ seed: "oci", size: 300_000 }),
  "oci/attested": attested(BOTH, { seed: "attested" }),
  plain: image({ seed: "plain" }),
  "some/deep/path/zstd": image({ seed: "zstd", compression: "zstd" }),
  "shared/one": image({ seed: "one", layers: [shared, layer("one", 5000)] }),
  "shared/two": image({ seed: "two", layers: [shared, layer("two", 5000)] }),
  "charts/demo": chart(),
  nested,
};
export const NAMES: readonly string[] = Object.keys(SOURCES);
/** What a container runtime can pull. */
export const IMAGES: readonly string[] = NAMES.filter((name) => name !== "charts/demo" && name !== "nested");

/** Fills a registry with them by skopeo. It cannot carry an index inside an index; that one is put by hand. */
export async function seed(host: string): Promise<void> {
  await using registry = await startRegistry();
  for (const name of NAMES) {
    if (name === "nested") {
      await upload(host, name, nested, "v1");
      continue;
    }
    await pushTo(registry.store.repository(name), SOURCES[name]!, "v1");
    const flags = ["--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"];
    const ends = [registry.host, host].map((one) => `docker://${one}/${name}:v1`);
    await runWell("skopeo", ["copy", "--insecure-policy", ...flags, ...ends]);
  }
}

/** How skopeo is asked for the bytes of a manifest. */
export function inspect(host: string, name: string, reference: string): readonly string[] {
  const separator = reference.includes(":") ? "@" : ":";
  return ["inspect", "--raw", "--tls-verify=false", `docker://${host}/${name}${separator}${reference}`];
}

/** The digest of what a registry has under a tag or digest, by its bytes. */
export async function rawDigest(host: string, name: string, reference: string): Promise<string> {
  return digestOfText(await runWell("skopeo", inspect(host, name, reference)));
}

export function digestOfText(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
