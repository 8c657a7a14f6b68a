/** What every store that can be written promises: one suite, run over each of them. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Bytes, collect, type Range } from "../../src/bytes/stream.ts";
import { AppError } from "../../src/errors.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { inMemory, readAll } from "../../src/store/read.ts";
import type { Call, Content, Sink, Store } from "../../src/store/store.ts";
import { pushTo } from "../support/push.ts";
import { image, index, multiPlatform, type Part, part, randomBytes, referrer } from "../support/random-image.ts";

/** A store to test, empty. */
export interface StoreUnderTest {
  readonly store: Store<Sink>;
  close(): Promise<void>;
}

const BLOB = "application/octet-stream";
const LIMIT = 64 << 20;

/**
 * Declares the suite. `create` is called before each test, `close` after it. `named: false` leaves out names and what is a
 * repository's own: for a store where all repositories share everything and something else gives the names.
 */
export function testStore(name: string, create: () => Promise<StoreUnderTest>, { named = true } = {}): void {
  describe(`${name} as a store`, () => {
    let under: StoreUnderTest;
    let repository: Sink;
    beforeEach(async () => {
      under = await create();
      repository = under.store.repository("team/app");
    });
    afterEach(() => under.close());
    testBlobs(() => repository);
    testFailures(() => repository);
    if (!named) return;
    testNames(
      () => repository,
      () => under.store,
    );
    testNeighbours(() => under.store);
  });
}

function testBlobs(repository: () => Sink): void {
  test("has nothing at first", async () => {
    const { descriptor } = blob(1, 10);
    expect(await repository().has(descriptor)).toBe(false);
    expect(await repository().resolve(descriptor.digest)).toBeUndefined();
    expect(await repository().resolve("latest")).toBeUndefined();
    await expect(collect(repository().get(descriptor).open(), LIMIT)).rejects.toThrow();
  });

  test("gives back what was put, byte for byte", async () => {
    const one = blob(2, 3_000_001);
    await repository().put(chunked(one, 65_537));
    expect(await repository().has(one.descriptor)).toBe(true);
    expect(await bytesOf(repository(), one.descriptor)).toEqual(one.bytes);
  });

  test("puts again what is there", async () => {
    const one = blob(3, 1000);
    await repository().put(one);
    await repository().put(one);
    expect(await bytesOf(repository(), one.descriptor)).toEqual(one.bytes);
  });

  test("takes content that can be opened only once", async () => {
    const one = blob(4, 200_000);
    await repository().put({ ...chunked(one, 10_000), once: true });
    expect(await bytesOf(repository(), one.descriptor)).toEqual(one.bytes);
  });

  test("knows content by its size, too", async () => {
    const one = blob(5, 1000);
    await repository().put(one);
    expect(await repository().has({ ...one.descriptor, size: 999 })).toBe(false);
  });

  test.each([
    [0, 1],
    [0, 1000],
    [10, 20],
    [999, 1000],
    [500, undefined],
    [undefined, 500],
  ])("opens bytes from %p to %p", async (start, end) => {
    const one = blob(6, 1000);
    await repository().put(one);
    const found = await collect(repository().get(one.descriptor).open({ start, end }), LIMIT);
    expect(found).toEqual(one.bytes.slice(start, end));
  });

  test("takes a blob of no bytes", async () => {
    const one = blob(7, 0);
    await repository().put(one);
    expect(await repository().has(one.descriptor)).toBe(true);
    expect(await bytesOf(repository(), one.descriptor)).toEqual(new Uint8Array());
  });

  test("takes a blob with a sha512 digest", async () => {
    const bytes = randomBytes(8, 5000);
    const descriptor: Descriptor = { mediaType: BLOB, digest: digestOf(bytes, "sha512"), size: bytes.length };
    await repository().put(inMemory(descriptor, bytes));
    expect(await repository().has(descriptor)).toBe(true);
    expect(await bytesOf(repository(), descriptor)).toEqual(bytes);
  });

  test("takes one blob from many at once", async () => {
    const one = blob(9, 300_000);
    await Promise.all(Array.from({ length: 8 }, () => repository().put(chunked(one, 4096))));
    expect(await bytesOf(repository(), one.descriptor)).toEqual(one.bytes);
  });
}

function testFailures(repository: () => Sink): void {
  const one = blob(20, 100_000);
  const { digest, size } = one.descriptor;
  const shorter: Descriptor = { mediaType: BLOB, digest, size: size - 1 };
  const longer: Descriptor = { mediaType: BLOB, digest, size: size + 1 };
  const other: Descriptor = { mediaType: BLOB, digest: blob(21, 1).descriptor.digest, size };

  test.each([
    ["more bytes than promised", shorter],
    ["fewer bytes than promised", longer],
    ["bytes of another digest", other],
  ])("refuses %s and stores nothing", async (_, descriptor) => {
    for (const wrong of [chunked(part(BLOB, one.bytes, descriptor), 30_000), inMemory(descriptor, one.bytes)]) {
      const error = await repository()
        .put(wrong)
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(AppError);
      expect((error as AppError).code).toBe("INTEGRITY");
      expect(await repository().has(descriptor)).toBe(false);
    }
    await repository().put(one);
    expect(await bytesOf(repository(), one.descriptor)).toEqual(one.bytes);
  });

  test("leaves nothing when it is aborted in the middle", async () => {
    const abort = new AbortController();
    const { signal } = abort;
    const stopped = chunked(one, 10_000, (at) => at === 50_000 && abort.abort(new Error("enough")));
    const error = await repository()
      .put(stopped, { signal })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(await repository().has(one.descriptor)).toBe(false);
    await repository().put(one);
    expect(await bytesOf(repository(), one.descriptor)).toEqual(one.bytes);
  });

  test.each([undefined, true] as const)("leaves nothing when its source fails (once: %p)", async (once) => {
    const failing = chunked(one, 10_000, (at) => {
      if (at === 70_000) throw new Error("the line is dead");
    });
    const error = await repository()
      .put(once ? { ...failing, once } : failing)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(await repository().has(one.descriptor)).toBe(false);
    await repository().put(once ? { ...chunked(one, 10_000), once } : one);
    expect(await bytesOf(repository(), one.descriptor)).toEqual(one.bytes);
  });
}

function testNames(repository: () => Sink, store: () => Store<Sink>): void {
  test("knows whose subject a manifest is, where it knows that at all", async () => {
    if (!repository().referrers) return;
    const subject = image({ seed: "subject" });
    const attached = ["x/sbom", "x/signature"].map((type) => referrer(subject.root, type));
    expect(await repository().referrers?.(subject.root.digest)).toEqual([]);
    // The subject may come later.
    for (const one of [...attached, subject]) await pushTo(repository(), one);
    const found = (await repository().referrers?.(subject.root.digest)) ?? [];
    expect(found.map(({ digest, artifactType }) => `${digest} ${artifactType}`)).toEqual(
      attached.map(({ root }) => `${root.digest} ${root.artifactType}`),
    );
    expect(await repository().referrers?.(attached[0]!.root.digest)).toEqual([]);
    expect(await store().repository("team/other").referrers?.(subject.root.digest)).toEqual([]);
  });

  test("finds manifests by digest, with type and size", async () => {
    for (const format of ["oci", "docker"] as const) {
      const whole = multiPlatform(["linux/amd64", "linux/arm64"], { format, seed: format });
      await pushTo(repository(), whole);
      for (const manifest of whole.manifests) {
        const { mediaType, digest, size } = manifest.descriptor;
        expect(await repository().resolve(digest)).toMatchObject({ mediaType, digest, size });
        expect(await bytesOf(repository(), manifest.descriptor)).toEqual(manifest.bytes);
        expect(await repository().has(manifest.descriptor)).toBe(true);
      }
      for (const { descriptor } of whole.blobs) expect(await repository().resolve(descriptor.digest)).toBeUndefined();
    }
  });

  test("takes an index inside an index", async () => {
    const whole = index([index([image({ seed: "inner" })]), image({ seed: "outer" })]);
    await pushTo(repository(), whole, "nested");
    expect((await repository().resolve("nested"))?.digest).toBe(whole.root.digest);
  });

  test("tags a manifest that was not put before", async () => {
    const { root, manifests, blobs } = image({ seed: "fresh" });
    for (const one of blobs) await repository().put(one);
    await repository().tag("v1", manifests[0]!);
    const { mediaType, digest, size } = root;
    expect(await repository().resolve("v1")).toMatchObject({ mediaType, digest, size });
    expect(await repository().resolve(digest)).toMatchObject({ mediaType, digest, size });
  });

  test("moves a tag and keeps what it named", async () => {
    const [before, after] = [image({ seed: "before" }), image({ seed: "after" })];
    await pushTo(repository(), before, "latest");
    await pushTo(repository(), after, "latest");
    expect((await repository().resolve("latest"))?.digest).toBe(after.root.digest);
    expect((await repository().resolve(before.root.digest))?.digest).toBe(before.root.digest);
  });

  test("lists tags in lexical order", async () => {
    const one = image({ seed: "tags" });
    for (const tag of ["v10", "v2", "a.b-c_d", "V1", "1"]) await pushTo(repository(), one, tag);
    const tags = repository().tags;
    if (tags) expect(await Array.fromAsync(tags.call(repository()))).toEqual(["1", "V1", "a.b-c_d", "v10", "v2"]);
  });

  test("names its roots, those of repositories inside others too", async () => {
    const [one, two] = [image({ seed: "one" }), image({ seed: "two" })];
    await pushTo(store().repository("a"), one, "v1");
    await pushTo(store().repository("a/b"), two, "v2");
    await pushTo(store().repository("a"), two, "v3");
    const found = await Array.fromAsync(store().references());
    expect(found.map(({ path, tag, root }) => `${path}:${tag} ${root.digest}`).sort()).toEqual([
      `a/b:v2 ${two.root.digest}`,
      `a:v1 ${one.root.digest}`,
      `a:v3 ${two.root.digest}`,
    ]);
  });
}

function testNeighbours(store: () => Store<Sink>): void {
  test("keeps what repositories have apart", async () => {
    const one = blob(30, 100);
    await store().repository("left").put(one);
    expect(await store().repository("right").has(one.descriptor)).toBe(false);
    expect(await store().repository("left").has(one.descriptor)).toBe(true);
  });

  test("lends content to a neighbour", async () => {
    const [left, right] = [store().repository("left"), store().repository("right")];
    if (!right.mount) return;
    const one = blob(31, 100);
    await left.put(one);
    expect(await right.mount(one.descriptor, left.place)).toBe(true);
    expect(await right.has(one.descriptor)).toBe(true);
    expect(await bytesOf(right, one.descriptor)).toEqual(one.bytes);
  });

  test("does not lend what is not there, nor what is elsewhere", async () => {
    const [left, right] = [store().repository("left"), store().repository("right")];
    if (!right.mount) return;
    const one = blob(32, 100);
    expect(await right.mount(one.descriptor, left.place)).toBe(false);
    await left.put(one);
    expect(await right.mount(one.descriptor, { space: "somewhere else", path: "left" })).toBe(false);
    expect(await right.has(one.descriptor)).toBe(false);
  });
}

function blob(seed: number, size: number): Part {
  return part(BLOB, randomBytes(`contract ${seed}`, size));
}

function bytesOf(repository: Sink, descriptor: Descriptor): Promise<Bytes> {
  return readAll(repository.get(descriptor), LIMIT);
}

/** The part in chunks of `step` bytes. `before` is told where each one begins, and may throw or abort. */
function chunked({ descriptor, bytes }: Part, step: number, before: (at: number) => unknown = () => {}): Content {
  async function* open({ start = 0, end = bytes.length, signal }: Range & Call = {}) {
    for (let at = start; at < end; at += step) {
      before(at);
      signal?.throwIfAborted();
      yield bytes.subarray(at, Math.min(end, at + step));
    }
  }
  return { descriptor, open };
}
