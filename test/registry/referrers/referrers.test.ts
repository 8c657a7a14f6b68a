/** Referrers at registries that keep lists of them, and at those where clients do. */
import { describe, expect, test } from "bun:test";
import { decode, encode } from "../../../src/bytes/stream.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { OCI_INDEX } from "../../../src/oci/media-types.ts";
import { fallbackTag } from "../../../src/oci/referrer.ts";
import { openRegistry } from "../../../src/registry/registry.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import { contentOf, readAll } from "../../../src/store/read.ts";
import type { Sink } from "../../../src/store/store.ts";
import { withFaults } from "../../support/faults.ts";
import { pushTo } from "../../support/push.ts";
import { type Artifact, image, referrer } from "../../support/random-image.ts";
import { type Handler, startRegistry, type TestRegistry } from "../../support/registry.ts";
import { thrownBy } from "../../support/thrown.ts";

const subject = image();
const [sbom, signature] = [referrer(subject.root, "x/sbom"), referrer(subject.root, "x/signature")];
const tag = fallbackTag(subject.root.digest);
const ONCE = { retry: { attempts: 1 } };

function sinkAt({ host }: TestRegistry, path = "team/app"): Sink {
  return openRegistry(host, ONCE).repository(path);
}

/** Answers instead of the registry where the path matches. */
function answering(pattern: RegExp, answer: (request: Request, count: number) => Response | undefined) {
  let count = 0;
  return (handler: Handler): Handler =>
    async (request) =>
      (pattern.test(request.url) ? answer(request, count++) : undefined) ?? handler(request);
}

function indexOf(manifests: readonly unknown[], headers: Record<string, string> = {}): Response {
  const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
  return new Response(body, { headers: { "content-type": OCI_INDEX, ...headers } });
}

async function listed(sink: Sink): Promise<readonly (string | undefined)[]> {
  return ((await sink.referrers?.(subject.root.digest)) ?? []).map(({ artifactType }) => artifactType).sort();
}

async function fallbackList(registry: TestRegistry): Promise<readonly Descriptor[]> {
  const repository = registry.store.repository("team/app");
  const root = await repository.resolve(tag);
  if (!root) return [];
  const json = JSON.parse(decode(await readAll(repository.get(root), 1 << 20))) as { manifests: Descriptor[] };
  return json.manifests;
}

describe("where the registry has the list", () => {
  test("it is the list, and none is written beside it", async () => {
    await using registry = await startRegistry();
    const sink = sinkAt(registry);
    for (const one of [subject, sbom, signature]) await pushTo(sink, one);
    expect(registry.count("PUT", new RegExp(`manifests/${tag}`))).toBe(0);
    expect(await listed(sink)).toEqual(["x/sbom", "x/signature"]);
  });

  test("what the fallback tag lists is there too, each once", async () => {
    await using registry = await startRegistry(undefined, {
      wrap: answering(/\/referrers\//, () => indexOf([sbom.root])),
    });
    const repository = registry.store.repository("team/app");
    for (const one of [subject, sbom, signature]) await pushTo(repository, one, "v1");
    const list = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [sbom.root, signature.root] };
    await repository.tag(tag, contentOf(OCI_INDEX, encode(JSON.stringify(list))));
    expect(await listed(sinkAt(registry))).toEqual(["x/sbom", "x/signature"]);
  });

  test("pages are followed", async () => {
    const next = { link: `</v2/team/app/referrers/${subject.root.digest}?page=2>; rel="next"` };
    await using registry = await startRegistry(undefined, {
      wrap: answering(/\/referrers\//, ({ url }) =>
        url.includes("page=2") ? indexOf([signature.root]) : indexOf([sbom.root], next),
      ),
    });
    expect(await listed(sinkAt(registry))).toEqual(["x/sbom", "x/signature"]);
  });
});

describe("a list that is hostile", () => {
  const other = (count: number): object => ({ ...sbom.root, digest: `sha256:${count.toString(16).padStart(64, "0")}` });
  const link = (count: number) => ({ link: `</v2/team/app/referrers/${subject.root.digest}?p=${count}>; rel="next"` });

  test.each<[string, (count: number) => Response]>([
    ["goes on for ever", (count) => indexOf([other(count)], link(count + 1))],
    ["goes round", (count) => indexOf([other(count)], link(count % 2))],
    ["is too long", (count) => indexOf(Array.from({ length: 6000 }, (_, at) => other(count * 6000 + at)))],
    ["is too large", () => new Response("[".repeat(17 << 20))],
    ["goes on elsewhere", () => indexOf([sbom.root], { link: '<http://elsewhere.test/v2/x>; rel="next"' })],
    ["has what is no descriptor", () => indexOf([{ ...sbom.root, size: -1 }])],
  ])("%s: it is refused", async (_, answer) => {
    await using registry = await startRegistry(undefined, {
      wrap: answering(/\/referrers\//, (_, count) => answer(count)),
    });
    expect(await thrownBy(() => listed(sinkAt(registry)))).toMatchObject({ code: "UNSUPPORTED" });
    expect(registry.count("GET", /referrers/)).toBeLessThanOrEqual(100);
  });

  test("a page that repeats what is known is the last", async () => {
    await using registry = await startRegistry(undefined, {
      wrap: answering(/\/referrers\//, (_, count) => indexOf([sbom.root], link(count + 1))),
    });
    expect(await listed(sinkAt(registry))).toEqual(["x/sbom"]);
  });
});

describe("where clients keep the list", () => {
  test.each<[string, () => Response]>([
    ["404", () => new Response("404 page not found", { status: 404 })],
    ["400", () => new Response(null, { status: 400 })],
    ["405", () => new Response(null, { status: 405 })],
    ["406", () => new Response(null, { status: 406 })],
    ["501", () => new Response(null, { status: 501 })],
    ["a web page", () => new Response("<html>", { headers: { "content-type": "text/html" } })],
    ["other JSON", () => Response.json({ status: "ok" })],
  ])("an answer of %s to the endpoint, which is not asked again", async (_, answer) => {
    await using registry = await startRegistry(undefined, { wrap: answering(/\/referrers\//, answer) });
    const repository = registry.store.repository("team/app");
    for (const one of [subject, sbom]) await pushTo(repository, one, "v1");
    const list = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [sbom.root] };
    await repository.tag(tag, contentOf(OCI_INDEX, encode(JSON.stringify(list))));
    const sink = sinkAt(registry);
    expect(await Promise.all([listed(sink), listed(sink)])).toEqual([["x/sbom"], ["x/sbom"]]);
    expect(await listed(sink)).toEqual(["x/sbom"]);
    expect(registry.count("GET", /referrers/)).toBe(1);
  });

  test("who may not ask here is heard elsewhere", async () => {
    await using registry = await startRegistry(undefined, {
      wrap: answering(/team\/app\/referrers\//, () => new Response(null, { status: 403 })),
    });
    const store = openRegistry(registry.host, ONCE);
    for (const one of [subject, sbom]) await pushTo(registry.store.repository("team/other"), one, "v1");
    expect(await listed(store.repository("team/app"))).toEqual([]);
    expect(await listed(store.repository("team/other"))).toEqual(["x/sbom"]);
  });

  test("a registry that fails is no registry without", async () => {
    await using registry = await startRegistry(undefined, {
      wrap: answering(/\/referrers\//, () => new Response(null, { status: 503 })),
    });
    expect(await thrownBy(() => listed(sinkAt(registry)))).toMatchObject({ code: "NETWORK" });
  });

  test("it gets each referrer once, with type and annotations, whoever pushes at the same time", async () => {
    await using registry = await startRegistry(memoryStore(), { referrers: false });
    const sink = sinkAt(registry);
    await pushTo(sink, subject);
    const all = Array.from({ length: 8 }, (_, at) => referrer(subject.root, `x/${at}`));
    await Promise.all(all.map((one) => pushTo(sink, one)));
    expect(await listed(sink)).toEqual(all.map(({ root }) => root.artifactType));
    const before = registry.count("PUT", new RegExp(tag));
    expect(before).toBe(8);
    await pushTo(sink, all[3]!);
    expect(registry.count("PUT", new RegExp(tag))).toBe(before);
  });

  test("an update that somebody else overwrote is made again", async () => {
    const store = memoryStore();
    const repository = store.repository("team/app");
    const overwritten = contentOf(
      OCI_INDEX,
      encode(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [sbom.root] })),
    );
    let spoilt = false;
    const wrap =
      (handler: Handler): Handler =>
      async (request) => {
        const response = await handler(request);
        if (request.method === "PUT" && request.url.endsWith(tag) && !spoilt) {
          spoilt = true;
          await repository.tag(tag, overwritten);
        }
        return response;
      };
    await using registry = await startRegistry(store, { referrers: false, wrap });
    for (const one of [subject, sbom]) await pushTo(repository, one);
    await pushTo(sinkAt(registry), signature);
    expect((await fallbackList(registry)).map(({ digest }) => digest)).toEqual([
      sbom.root.digest,
      signature.root.digest,
    ]);
  });

  test("a tag that is something else is left as it is", async () => {
    await using registry = await startRegistry(memoryStore(), { referrers: false });
    const sink = sinkAt(registry);
    await pushTo(sink, subject, tag);
    expect(await thrownBy(() => pushTo(sink, sbom))).toMatchObject({ code: "UNSUPPORTED" });
    expect((await sink.resolve(tag))?.digest).toBe(subject.root.digest);
  });
});

describe("tags that may be there", () => {
  const names = ["sha256-1.sig", "sha256-1.att"];
  async function filled(registry: TestRegistry, tags: readonly string[]): Promise<Artifact> {
    for (const one of tags) await pushTo(registry.store.repository("team/app"), subject, one);
    return subject;
  }

  test("a short list of tags answers for all of them", async () => {
    await using registry = await startRegistry();
    await filled(registry, ["v1", "sha256-1.sig"]);
    const sink = sinkAt(registry);
    expect([...((await sink.find?.(names)) ?? [])].map(([name]) => name)).toEqual(["sha256-1.sig"]);
    expect((await sink.find?.(["sha256-2.sig"]))?.size).toBe(0);
    expect(registry.count("GET", /tags\/list/)).toBe(1);
    expect(registry.requests.filter(({ path }) => path.includes("manifests")).length).toBe(1);
  });

  test.each<[string, () => Response | undefined]>([
    ["goes on", () => Response.json({ tags: ["v1"] }, { headers: { link: '</v2/x>; rel="next"' } })],
    ["is refused", () => new Response(null, { status: 403 })],
    ["is empty", () => Response.json({ tags: null })],
    ["is none", () => new Response("<html>")],
  ])("a list that %s is not relied on", async (_, answer) => {
    await using registry = await startRegistry(undefined, { wrap: answering(/tags\/list/, answer) });
    await filled(registry, ["v1", "sha256-1.sig"]);
    const found = await sinkAt(registry).find?.(names);
    expect([...(found ?? [])].map(([name]) => name)).toEqual(["sha256-1.sig"]);
    expect(registry.count("GET", /manifests/)).toBe(0);
  });

  test("what was written is found", async () => {
    await using registry = await startRegistry();
    await filled(registry, ["v1"]);
    const sink = sinkAt(registry);
    expect((await sink.find?.(names))?.size).toBe(0);
    await pushTo(sink, subject, "sha256-1.att");
    expect((await sink.find?.(names))?.size).toBe(1);
  });
});

test("a manifest is read once, wherever its referrers are kept: it may come from a registry that counts", async () => {
  const silent = { method: "PUT", fault: { type: "headers", remove: ["oci-subject"] } } as const;
  await using registry = await startRegistry(undefined, { wrap: (handler) => withFaults(handler, [silent]) });
  const sink = sinkAt(registry);
  await pushTo(sink, subject);
  const [manifest] = sbom.manifests;
  for (const blob of sbom.blobs) await sink.put(blob);
  let reads = 0;
  await sink.put({
    descriptor: sbom.root,
    open: (options) => {
      reads++;
      return manifest!.open(options);
    },
  });
  expect(reads).toBe(1);
});
