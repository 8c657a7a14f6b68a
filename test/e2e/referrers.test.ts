/** Signatures and SBOMs travel: between registries that keep lists of them and registries that do not, and through archives. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { OCI_INDEX } from "../../src/oci/media-types.ts";
import { fallbackTag } from "../../src/oci/referrer.ts";
import { openRegistry } from "../../src/registry/registry.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { startDebianRegistry } from "../support/debian-registry.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { pushTo } from "../support/push.ts";
import type { Artifact } from "../support/random-image.ts";
import { startRegistry } from "../support/registry.ts";
import { pushSigned, referrersOf, type Signed, signed } from "../support/signed.ts";
import { requireTool } from "../support/tool.ts";

setDefaultTimeout(120_000);

interface Running extends AsyncDisposable {
  readonly host: string;
  readonly requests: readonly { readonly method: string; readonly path: string }[];
}

const KINDS: Readonly<Record<string, () => Promise<Running>>> = {
  "one with the endpoint": () => startRegistry(),
  "one without": () => startRegistry(memoryStore(), { referrers: false }),
  ...(requireTool("docker-registry") ? {} : { "docker-registry": () => startDebianRegistry() }),
};
const all = signed("travels");

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place[Symbol.asyncDispose]());

/** By the product's own client, which keeps the lists where the registry does not. */
async function fill(host: string, what: Signed = all): Promise<void> {
  const repository = openRegistry(host).repository("team/app");
  await pushSigned(what, "v1", (artifact, tag) => pushTo(repository, artifact, tag));
}

/** Asks without the product: what has a digest is there with it, blobs too. */
async function expectAt(host: string, artifacts: readonly Artifact[]): Promise<void> {
  for (const { manifests, blobs } of artifacts)
    for (const [kind, parts] of Object.entries({ manifests, blobs }))
      for (const { descriptor } of parts) {
        const response = await fetch(`http://${host}/v2/team/app/${kind}/${descriptor.digest}`, {
          headers: { accept: descriptor.mediaType },
        });
        expect(`${response.status} ${descriptor.mediaType}`).toBe(`200 ${descriptor.mediaType}`);
        expect(Buffer.from(await response.arrayBuffer()).byteLength).toBe(descriptor.size);
      }
}

async function listedAt(host: string, subject: Artifact): Promise<readonly string[]> {
  const { digest } = subject.root;
  const found = (await openRegistry(host).repository("team/app").referrers?.(digest)) ?? [];
  return found.map((one) => `${one.digest} ${one.artifactType}`).sort();
}

async function expectAll(host: string): Promise<void> {
  await expectAt(host, [all.image, ...referrersOf(all), all.signature]);
  for (const [subject, attached] of [
    [all.image, all.sbom],
    [all.sbom, all.sbomSignature],
  ] as const)
    expect(await listedAt(host, subject)).toEqual([`${attached.root.digest} ${attached.root.artifactType}`]);
  const tagged = await openRegistry(host).repository("team/app").resolve(all.tag);
  expect(tagged?.digest).toBe(all.signature.root.digest);
}

describe.each(Object.keys(KINDS))("from %s", (from) => {
  test.each(Object.keys(KINDS))("to %s, by mirror and through an archive", async (to) => {
    await using source = await KINDS[from]!();
    await fill(source.host);
    const input = `${source.host}/team/app:v1\n`;
    {
      await using target = await KINDS[to]!();
      expect(await place.dray(["mirror", "-d", target.host], { input })).toMatchObject({ code: 0 });
      await expectAll(target.host);
    }
    await using target = await KINDS[to]!();
    expect(await place.dray(["save", "-d", "signed.tar.gz"], { input })).toMatchObject({ code: 0 });
    expect(await place.dray(["load", "-s", "signed.tar.gz", "-d", target.host])).toMatchObject({ code: 0 });
    await expectAll(target.host);
  });
});

test("the fallback tag has an index of what refers to its subject", async () => {
  await using target = await KINDS["one without"]!();
  await fill(target.host);
  const response = await fetch(`http://${target.host}/v2/team/app/manifests/${fallbackTag(all.image.root.digest)}`);
  expect(await response.json()).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [all.sbom.root] });
});

test("an image that is there already is not asked for what is attached to it", async () => {
  await using source = await startRegistry();
  await using target = await startRegistry(memoryStore(), { referrers: false });
  await fill(source.host);
  const input = `${source.host}/team/app:v1\n`;
  expect(await place.dray(["mirror", "-d", target.host], { input })).toMatchObject({ code: 0 });
  for (const registry of [source, target]) registry.reset();
  expect(await place.dray(["mirror", "-d", target.host], { input })).toMatchObject({ code: 0 });
  for (const { requests } of [source, target])
    expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "HEAD /v2/",
      "HEAD /v2/team/app/manifests/v1",
    ]);
});

test("images of one repository cost one look at its tags, and one question for each manifest", async () => {
  await using source = await startRegistry();
  await using target = await startRegistry();
  const images = ["a", "b", "c"].map((seed) => signed(seed).image);
  const repository = source.store.repository("team/app");
  for (const [at, image] of images.entries()) await pushTo(repository, image, `v${at}`);
  const input = images.map((_, at) => `${source.host}/team/app:v${at}\n`).join("");
  expect(await place.dray(["mirror", "-d", target.host], { input })).toMatchObject({ code: 0 });
  expect(source.count("GET", /tags\/list/)).toBe(1);
  expect(source.count("GET", /referrers/)).toBe(9);
  expect(source.count("HEAD", /sha256-/)).toBe(0);
});
