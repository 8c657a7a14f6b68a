/** What is attached to an image: found, carried behind its subject, kept in archives. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { decode, encode } from "../../src/bytes/stream.ts";
import { AppError } from "../../src/errors.ts";
import type { Event } from "../../src/events.ts";
import { openCache } from "../../src/layout/cache.ts";
import { LIST_FILE, type SavedList } from "../../src/layout/hangar.ts";
import { OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { EVERYTHING, parseSelection } from "../../src/oci/platform.ts";
import { compress } from "../../src/operations/compress.ts";
import { type CopyOptions, copy } from "../../src/operations/copy.ts";
import { openStore, openTree } from "../../src/operations/open.ts";
import { type SaveOptions, save } from "../../src/operations/save.ts";
import { below, wantedIn } from "../../src/operations/stored.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { readAll } from "../../src/store/read.ts";
import type { Sink, Source } from "../../src/store/store.ts";
import { wantedImage } from "../support/laid.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, image, index, part, referrer } from "../support/random-image.ts";
import { failing, type Journal, recordSink, spoiltSource } from "../support/recording.ts";
import { pushSigned, referrersOf, signed } from "../support/signed.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";

const all = signed();
const OPTIONS: CopyOptions = { selection: EVERYTHING, strict: false, jobs: 2, onEvent() {} };

async function source(): Promise<Sink> {
  const repository = memoryStore().repository("app");
  await pushSigned(all, "v1", (artifact, tag) => pushTo(repository, artifact, tag));
  return repository;
}

/** Which of these a repository has, whole. */
async function whole(to: Sink, artifacts: readonly Artifact[]): Promise<boolean[]> {
  return Promise.all(
    artifacts.map(async ({ manifests, blobs }) => {
      const there = [...manifests, ...blobs].map(({ descriptor }) => to.has(descriptor));
      return (await Promise.all(there)).every((one) => one);
    }),
  );
}

async function copied(from: Source, options: Partial<CopyOptions> = {}, to: Sink = memoryStore().repository("app")) {
  const events: Event[] = [];
  const onEvent = (event: Event): void => void events.push(event);
  const summary = await copy([wantedImage(1, from, to, "v1")], { ...OPTIONS, onEvent, ...options });
  const warnings = events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
  return { summary, to, warnings };
}

describe("copied", () => {
  test("with the image, whatever they are attached to", async () => {
    const { to, summary } = await copied(await source());
    expect(summary).toMatchObject({ done: 1, failed: 0 });
    expect(await whole(to, [all.image, ...referrersOf(all), all.signature])).toEqual(Array(5).fill(true));
    expect((await to.resolve(all.tag))?.digest).toBe(all.signature.root.digest);
    expect((await to.referrers?.(all.sbom.root.digest))?.map(({ digest }) => digest)).toEqual([
      all.sbomSignature.root.digest,
    ]);
  });

  test("behind their subjects, before the tag", async () => {
    const journal: Journal = [];
    await copied(await source(), {}, recordSink(memoryStore().repository("app"), journal));
    const order = [all.image.root, ...[all.sbom, all.sbomSignature].map(({ root }) => root)];
    const puts = order.map(({ digest }) => journal.indexOf(`app put ${digest}`));
    const tags = [`app tag ${all.tag} ${all.signature.root.digest}`, `app tag v1 ${all.image.root.digest}`];
    const at = [...puts, ...tags.map((line) => journal.indexOf(line))];
    expect(at.every((place) => place >= 0)).toBe(true);
    expect(Math.max(...at)).toBe(at.at(-1)!);
    expect(puts).toEqual(puts.toSorted((a, b) => a - b));
  });

  test("not where they are not wanted", async () => {
    const { to } = await copied(await source(), { referrers: false });
    expect(await whole(to, [all.image, ...referrersOf(all), all.signature])).toEqual([true, ...Array(4).fill(false)]);
  });

  test("of those platforms that travel: not those of an index that has become another", async () => {
    const { to, warnings } = await copied(await source(), { selection: parseSelection("amd64", "linux") });
    expect((await to.resolve("v1"))?.digest).not.toBe(all.image.root.digest);
    expect(await to.resolve(all.tag)).toBeUndefined();
    expect(await to.resolve(all.sbom.root.digest)).toBeUndefined();
    expect((await to.resolve(all.platformSignature.root.digest))?.digest).toBe(all.platformSignature.root.digest);
    expect(warnings).toEqual([expect.stringMatching(/^leaves 3 referrers behind/)]);
  });

  test("with a word where another signature had the tag", async () => {
    const to = memoryStore().repository("app");
    await pushTo(to, image({ seed: "older" }), all.tag);
    const { warnings } = await copied(await source(), {}, to);
    expect(warnings).toEqual([expect.stringMatching(/^replaces what "sha256-[0-9a-f]+\.sig" named before/)]);
    expect((await to.resolve(all.tag))?.digest).toBe(all.signature.root.digest);
  });

  test("whole, where a referrer is an index", async () => {
    const from = memoryStore().repository("app");
    const child = image({ seed: "child", platform: "windows/amd64" });
    const attached = index([child], { subject: all.image.root });
    await pushTo(from, all.image, "v1");
    await pushTo(from, attached);
    const { to } = await copied(from, { selection: parseSelection("amd64,arm64", "linux") });
    expect(await whole(to, [child, attached])).toEqual([true, true]);
  });
});

describe("what cannot be carried", () => {
  test.each([
    ["a referrer", all.sbomSignature],
    ["cosign's signature", all.signature],
  ])("%s that cannot be read fails its image", async (_, { root }) => {
    const broken = failing(new AppError("NETWORK", "Cannot read it: the line is dead"));
    const { summary, to } = await copied(spoiltSource(await source(), root.digest, broken));
    expect(summary).toMatchObject({ done: 0, failed: 1 });
    expect(await to.resolve("v1")).toBeUndefined();
  });

  test("a chain that is too long fails its image", async () => {
    const from = memoryStore().repository("app");
    const one = image();
    await pushTo(from, one, "v1");
    let last = one.root;
    for (let depth = 1; depth <= 5; depth++) {
      const next = referrer(last, "x/y", depth);
      await pushTo(from, next);
      expect((await copied(from)).summary).toMatchObject(depth < 5 ? { done: 1 } : { failed: 1 });
      last = next.root;
    }
  });

  test("more than anybody attaches fails its image, before any of it is read", async () => {
    const from = await source();
    const many = Array.from({ length: 1001 }, (_, at) => referrer(all.image.root, "x/y", at).root);
    const { summary } = await copied({ ...from, referrers: async () => many });
    expect(summary).toMatchObject({ done: 0, failed: 1 });
  });

  test("more bytes than an image may have, its own counted, fail it", async () => {
    const large = (value: object): Artifact => {
      const fields = { schemaVersion: 2, layers: [], annotations: { fill: "a".repeat(3e6) } };
      const root = part(OCI_MANIFEST, encode(JSON.stringify({ ...fields, ...value })));
      return { root: root.descriptor, manifests: [root], blobs: [] };
    };
    const from = memoryStore().repository("app");
    const subject = large({}).root;
    await pushTo(from, large({}), "v1");
    await pushTo(from, large({ subject, artifactType: "x/1" }));
    expect((await copied(from)).summary).toMatchObject({ done: 1, failed: 0 });
    await pushTo(from, large({ subject, artifactType: "x/2" }));
    expect((await copied(from)).summary).toMatchObject({ done: 0, failed: 1 });
  });

  test("a kind that no registry takes any more is left, with a word", async () => {
    const odd = part("application/vnd.oci.artifact.manifest.v1+json", encode("{}")).descriptor;
    const from = await source();
    const referrers: Source["referrers"] = async (subject) => (subject === all.image.root.digest ? [odd] : []);
    const { summary, warnings } = await copied({ ...from, referrers });
    expect(summary).toMatchObject({ done: 1 });
    expect(warnings).toEqual([expect.stringMatching(/^leaves 1 referrers of a kind/)]);
  });
});

describe("in an archive", () => {
  let folder: TemporaryFolder;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  async function archived(options: Partial<SaveOptions> = {}): Promise<string> {
    const path = join(folder.path, "out.tar.gz");
    await using cache = await openCache(join(folder.path, "cache"));
    const wanted = [wantedImage(1, await source(), cache.repository(""), "v1")];
    const saving = { ...OPTIONS, savedTime: new Date(1_700_000_000_000), ...options };
    const { images } = await save(wanted, { cache, archive: { path, format: "gzip" } }, saving);
    await cache.name(images, saving.savedTime);
    return path;
  }

  async function loaded(path: string, to = memoryStore()): Promise<Sink> {
    await using store = await openStore(path);
    const wanted = await wantedIn(store, below(to, { registry: "host", path: "" }));
    expect(wanted).toHaveLength(1);
    expect(await copy(wanted, OPTIONS)).toMatchObject({ done: 1, failed: 0 });
    return to.repository("library/app");
  }

  async function expectAll(to: Sink): Promise<void> {
    expect(await whole(to, [all.image, ...referrersOf(all), all.signature])).toEqual(Array(5).fill(true));
    expect((await to.resolve(all.tag))?.digest).toBe(all.signature.root.digest);
  }

  test("it is loaded with the image, from the archive, its folder, and an archive of that", async () => {
    const path = await archived();
    await expectAll(await loaded(path));
    await expectAll(await loaded(join(folder.path, "cache")));
    const again = join(folder.path, "again.tar.zst");
    await using store = await openStore(join(folder.path, "cache"));
    await compress(store, { path: again, format: "zstd" }, { ...OPTIONS, savedTime: new Date(0) });
    await expectAll(await loaded(again));
  });

  test("the list says what it is", async () => {
    await using tree = await openTree(await archived());
    const file = tree.file(`saved-image-cache/${LIST_FILE}`)!;
    const chunks = await Array.fromAsync(file.open());
    const { List } = JSON.parse(chunks.map((chunk) => decode(chunk)).join("")) as SavedList;
    expect(List.map(({ Referrers }) => Referrers?.map(({ ArtifactType, Tag }) => ArtifactType ?? Tag))).toEqual([
      ["application/spdx+json", all.tag, "application/vnd.example.signature", "application/vnd.example.signature"],
    ]);
  });

  test("two archives of one platform each bring the whole, and then what is attached to it", async () => {
    const to = memoryStore();
    await loaded(await archived({ selection: parseSelection("amd64", "linux") }), to);
    expect(await to.repository("library/app").resolve(all.tag)).toBeUndefined();
    await expectAll(await loaded(await archived({ selection: parseSelection("arm64", "linux") }), to));
  });

  test("content of a referrer that is missing from the folder fails the image", async () => {
    await archived();
    await using store = await openStore(join(folder.path, "cache"));
    const from = store.repository("docker.io/library/app");
    const missing = all.sbomSignature.root.digest;
    const { summary } = await copied(spoiltSource(from, missing, failing(new Error("it is gone"))));
    expect(summary).toMatchObject({ failed: 1 });
    expect(await readAll(from.get(all.sbom.root), 1 << 20)).toHaveLength(all.sbom.root.size);
  });
});
