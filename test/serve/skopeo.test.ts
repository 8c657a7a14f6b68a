/** Real images through skopeo, into our registry and out of it. */
import { describe, expect, test } from "bun:test";
import { openRegistryStorage } from "../../src/layout/registry-storage.ts";
import { readAll } from "../../src/store/read.ts";
import { startDebianRegistry } from "../support/debian-registry.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, attested, chart, image, multiPlatform } from "../support/random-image.ts";
import { startRegistry } from "../support/registry.ts";
import { run } from "../support/run.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { requireTool } from "../support/tool.ts";

const ARTIFACTS: Readonly<Record<string, Artifact>> = {
  list: multiPlatform(["linux/amd64", "linux/arm64"], { format: "docker" }),
  image: image({ format: "docker" }),
  index: multiPlatform(["linux/amd64", "linux/s390x"]),
  zstd: image({ compression: "zstd" }),
  attested: attested(["linux/amd64", "linux/arm/v7"]),
  large: image({ layers: 1, size: 3 << 20 }),
  chart: chart(),
};

async function copy(from: string, to: string): Promise<void> {
  const flags = ["--all", "--src-tls-verify=false", "--dest-tls-verify=false"];
  const { code, stderr } = await run("skopeo", ["copy", "--insecure-policy", ...flags, from, to]);
  expect(`${code} ${stderr}`).toBe("0 ");
}

describe.skipIf(requireTool("skopeo") !== undefined)("skopeo", () => {
  test.each(Object.keys(ARTIFACTS))("copies %p in and out, byte for byte", async (name) => {
    const artifact = ARTIFACTS[name]!;
    await using registry = await startRegistry();
    await using folder = await temporaryFolder();
    const storage = openRegistryStorage(folder.path);
    await using exported = await startRegistry(storage);
    await pushTo(registry.store.repository("from/here"), artifact, name);
    await copy(`docker://${registry.host}/from/here:${name}`, `docker://${exported.host}/to/there:${name}`);
    const there = storage.repository("to/there");
    expect((await there.resolve(name))?.digest).toBe(artifact.root.digest);
    for (const { descriptor, bytes } of [...artifact.manifests, ...artifact.blobs])
      expect(await readAll(there.get(descriptor), 16 << 20)).toEqual(bytes);
  });

  test.skipIf(requireTool("docker-registry") !== undefined)(
    "copies what was pushed to us out of Debian's registry",
    async () => {
      await using folder = await temporaryFolder();
      const artifact = ARTIFACTS.list!;
      await using ours = await startRegistry(openRegistryStorage(folder.path));
      await pushTo(ours.store.repository("a"), artifact, "v1");
      await using theirs = await startDebianRegistry({ root: folder.path, readOnly: true });
      await using back = await startRegistry();
      await copy(`docker://${theirs.host}/a:v1`, `docker://${back.host}/b:v1`);
      expect((await back.store.repository("b").resolve("v1"))?.digest).toBe(artifact.root.digest);
    },
  );
});
