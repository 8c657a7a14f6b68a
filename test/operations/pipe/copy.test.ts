/** Images out of a pipe in any order: what is held meanwhile has a bound, and nothing is lost that comes before its time. */
import { describe, expect, spyOn, test } from "bun:test";
import { type ByteStream, type Bytes, encode } from "../../../src/bytes/stream.ts";
import type { Event } from "../../../src/events.ts";
import { OCI_INDEX, OCI_MANIFEST } from "../../../src/oci/media-types.ts";
import { EVERYTHING } from "../../../src/oci/platform.ts";
import { choiceOf, chosenIn } from "../../../src/operations/chosen.ts";
import { openPipe } from "../../../src/operations/pipe.ts";
import { wantedIn } from "../../../src/operations/stored.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import type { Sink, Store } from "../../../src/store/store.ts";
import { noise } from "../../support/archive-entries.ts";
import { filled } from "../../support/hostile-archives.ts";
import { type Listed, pipedArchive } from "../../support/piped-archive.ts";
import {
  type Artifact,
  attested,
  chart,
  image,
  layer,
  multiPlatform,
  type Part,
  part,
  referrer,
} from "../../support/random-image.ts";
import { errorOf } from "../../support/thrown.ts";

interface LoadOptions {
  readonly only?: readonly string[];
  /** Default false. */
  readonly keepGoing?: boolean;
  /** Changes a repository that is written. */
  readonly to?: (sink: Sink) => Sink;
  /** Bytes that come at once, and whether what can go on does so in between. */
  readonly chunk?: number;
  readonly isSlow?: boolean;
  /** Bytes that are passed over, whatever the pipe has. */
  readonly passLimit?: number;
}

interface Loaded {
  readonly store: Target;
  readonly error: string | undefined;
  readonly failed: Readonly<Record<string, string>>;
}

/** Repositories that have nothing in common but their registry. */
interface Target {
  repository(path: string): Sink;
  /** What every tag stands for. */
  names(): Promise<readonly string[]>;
}

function separate(): Target {
  const stores = new Map<string, Store<Sink>>();
  return {
    repository(path) {
      const store = stores.get(path) ?? memoryStore("the registry");
      stores.set(path, store);
      const { mount: _, ...sink } = store.repository(path);
      return sink;
    },
    async names() {
      const names: string[] = [];
      for (const store of stores.values())
        for await (const { path, tag, root } of store.references()) names.push(`${path}:${tag} ${root.digest}`);
      return names.sort();
    },
  };
}

async function load(bytes: Bytes, options: LoadOptions = {}): Promise<Loaded> {
  const { only = ["*"], keepGoing = false, to = (sink) => sink, chunk = 60_000, isSlow = false, passLimit } = options;
  const store = separate();
  const failed: Record<string, string> = {};
  async function* stream(): ByteStream {
    for (let at = 0; at < bytes.length; at += chunk) {
      yield bytes.subarray(at, at + chunk);
      for (let turn = 0; isSlow && turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  }
  function onEvent(event: Event): void {
    if (event.type === "image" && event.result === "failed") failed[event.image.name] = String(event.error);
  }
  async function work(): Promise<void> {
    await using pipe = await openPipe(stream(), { name: "the pipe", passLimit });
    const wanted = await wantedIn(chosenIn(pipe.store, choiceOf(only)), (path) => to(store.repository(path)));
    await pipe.copy(wanted, { selection: EVERYTHING, strict: true, jobs: 3, stopAtDamage: !keepGoing, onEvent });
  }
  const error = await errorOf(work).catch((reason: Error) =>
    reason.message === "it did not fail" ? undefined : String(reason),
  );
  return { store, error, failed };
}

function namesOf(images: readonly Listed[]): readonly string[] {
  return images.map(({ path, tag, artifact }) => `${path}:${tag} ${artifact.root.digest}`).sort();
}

/** All that the images need is in their repositories. */
async function expectWhole(store: Target, images: readonly Listed[]): Promise<void> {
  expect(await store.names()).toEqual(namesOf(images));
  for (const { path, artifact, attached = [] } of images)
    for (const { descriptor } of [artifact, ...attached].flatMap((one) => [...one.manifests, ...one.blobs]))
      expect(await store.repository(path).has(descriptor)).toBe(true);
}

const shared = layer("shared", 300_000);
const several = multiPlatform(["linux/amd64", "linux/arm64"], { seed: "several", size: 1_100_000 });
const signed = image({ seed: "signed", layers: [shared, layer("own", 3000)] });

/** An index under three names, two images of one layer, charts and signatures of the same empty config. */
const IMAGES: readonly Listed[] = [
  { path: "quay.io/a/several", tag: "1", artifact: several },
  {
    path: "quay.io/a/signed",
    tag: "1",
    artifact: signed,
    attached: [referrer(signed.root), referrer(signed.root, "b")],
  },
  { path: "quay.io/b/several", tag: "1", artifact: several },
  { path: "quay.io/b/several", tag: "latest", artifact: several },
  { path: "quay.io/b/chart", tag: "1", artifact: chart() },
  { path: "quay.io/b/plain", tag: "1", artifact: image({ seed: "plain", layers: [shared, layer("small", 300)] }) },
  { path: "quay.io/c/attested", tag: "1", artifact: attested(["linux/amd64"], { seed: "attested" }) },
  { path: "quay.io/c/signed", tag: "2", artifact: several, attached: [referrer(several.root)] },
];
const ARTIFACTS = IMAGES.map(({ artifact, attached = [] }) => [artifact, ...attached]);
const manifests = ARTIFACTS.map((all) => all.flatMap((one) => one.manifests));
const blobs = ARTIFACTS.map((all) => all.flatMap((one) => one.blobs));
const isSmall = ({ bytes }: Part) => bytes.length < 1 << 20;
const all = blobs.flat();
const small = all.filter(isSmall);
const rest = all.filter((one) => !isSmall(one));

const ORDERS: Readonly<Record<string, readonly Part[]>> = {
  "manifests, configs, layers": [...manifests.flat(), ...small, ...rest],
  "manifests with what is small of each image, then the rest": [
    ...manifests.flatMap((parts, at) => [...parts, ...blobs[at]!.filter(isSmall)]),
    ...rest,
  ],
  "what is small first": [...small, ...manifests.flat(), ...rest],
  "roots before those below": [...manifests.flat().reverse(), ...small, ...rest],
  "another order than the list": [...manifests.toReversed().flat(), ...small.toReversed(), ...rest.toReversed()],
};

describe.each(Object.entries(ORDERS))("%s", (_, contents) => {
  test.each([false, true])("every image arrives whole, where nothing can be borrowed (slowly: %p)", async (isSlow) => {
    const { store, error, failed } = await load(await pipedArchive(IMAGES, contents), { isSlow, chunk: 5000 });
    expect({ error, failed }).toEqual({ error: undefined, failed: {} });
    await expectWhole(store, IMAGES);
  });

  test("what is chosen arrives, and nothing else", async () => {
    const { store, error } = await load(await pipedArchive(IMAGES, contents), { only: ["quay.io/c/*"] });
    expect(error).toBeUndefined();
    await expectWhole(
      store,
      IMAGES.filter(({ path }) => path.startsWith("quay.io/c/")),
    );
    expect(await store.repository("quay.io/c/signed").has(shared.descriptor)).toBe(false);
  });
});

test("of an index of which only some platforms were saved, those arrive", async () => {
  const [amd64] = several.manifests;
  const kept = [{ path: "quay.io/a/several", tag: "1", artifact: several, kept: [amd64!.descriptor.digest] }];
  const parts = [
    amd64!,
    several.manifests.at(-1)!,
    ...multiPlatform(["linux/amd64"], { seed: "several", size: 1_100_000 }).blobs,
  ];
  const { store, error } = await load(await pipedArchive(kept, parts));
  expect(error).toBeUndefined();
  expect(await store.repository("quay.io/a/several").has(amd64!.descriptor)).toBe(true);
  expect(await store.repository("quay.io/a/several").has(several.manifests[1]!.descriptor)).toBe(false);
});

test("a damaged manifest fails the images that need it, and no others", async () => {
  const bytes = await pipedArchive(IMAGES, ORDERS["manifests, configs, layers"]!);
  const at = Buffer.from(bytes).indexOf(several.manifests[1]!.bytes);
  bytes[at + 30]! ^= 1;
  const hurt = IMAGES.filter(({ artifact }) => artifact === several);
  const { store, error, failed } = await load(bytes, { keepGoing: true });
  expect(error).toBeUndefined();
  expect(Object.keys(failed).sort()).toEqual(hurt.map(({ path, tag }) => `${path}:${tag}`).sort());
  await expectWhole(
    store,
    IMAGES.filter((one) => !hurt.includes(one)),
  );
  const stopped = await load(bytes);
  expect(stopped.error).toStartWith("INTEGRITY: ");
  expect(Object.keys(stopped.failed).sort()).toEqual(Object.keys(failed).sort());
  expect(await stopped.store.names()).toEqual([]);
});

/** An index of one child, which says nothing of a platform: it must be read. */
function indexOf(child: Part, more: object = {}): Artifact {
  const { mediaType, digest, size } = child.descriptor;
  const bytes = encode(JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, digest, size }], ...more }));
  const root = part(OCI_INDEX, bytes);
  return { root: root.descriptor, manifests: [child, root], blobs: [] };
}

function manifest(text: string): Part {
  return part(OCI_MANIFEST, encode(JSON.stringify({ schemaVersion: 2, layers: [], annotations: { text } })));
}

function fatManifest(text: string, size: number): Part {
  return part(OCI_MANIFEST, filled(`{"schemaVersion":2,"layers":[],"annotations":{"x":"${text} `, "a", '"}}', size));
}

const TOO_MANY_WAIT = 'UNSUPPORTED: Cannot read "the pipe": too many of its images wait for manifests that come later';

function named(artifacts: readonly Artifact[]): readonly Listed[] {
  return artifacts.map((artifact, at) => ({ path: `quay.io/many/${at}`, tag: "1", artifact }));
}

/** An image of each root. */
function rootsOnly(roots: readonly Part[]): readonly Listed[] {
  return named(roots.map((root) => ({ root: root.descriptor, manifests: [root], blobs: [] })));
}

const large = layer("large", 1_200_000);
const user: Listed = { path: "quay.io/a/user", tag: "1", artifact: image({ seed: "user", layers: [large] }) };
const userParts = [...user.artifact.manifests, ...user.artifact.blobs];

test("large blobs wait for their manifests, where they are not too many", async () => {
  const images = named([1, 2, 3].map((at) => image({ seed: `first ${at}`, size: 1_100_000 })));
  const parts = [
    ...images.flatMap(({ artifact }) => artifact.blobs),
    ...images.flatMap(({ artifact }) => artifact.manifests),
  ];
  const { store, error } = await load(await pipedArchive(images, parts), { isSlow: true });
  expect(error).toBeUndefined();
  await expectWhole(store, images);
});

test("only so many images are planned at once as work, however many there are", async () => {
  const images = named(
    Array.from({ length: 300 }, (_, at) => indexOf(manifest("one"), { annotations: { at: `${at}` } })),
  );
  let asked = 0;
  let most = 0;
  const to = (sink: Sink): Sink => ({
    ...sink,
    async resolve(tag) {
      most = Math.max(most, ++asked);
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      asked--;
      return sink.resolve(tag);
    },
  });
  const parts = images.flatMap(({ artifact }) => artifact.manifests);
  const { store, error } = await load(await pipedArchive(images, parts), { to });
  expect(error).toBeUndefined();
  await expectWhole(store, images);
  expect(most).toBe(32);
});

describe("images whose roots come long before what they need", () => {
  const children = Array.from({ length: 1300 }, (_, at) => manifest(`child ${at}`));
  const indexes = named(children.map((child) => indexOf(child)));
  function archive(images: readonly Listed[]): Promise<Bytes> {
    const roots = images.map(({ artifact }) => artifact.manifests.at(-1)!);
    return pipedArchive([...images, user], [...roots, ...userParts, ...children]);
  }

  test("wait for it", async () => {
    const images = indexes.slice(0, 600);
    const { store, error } = await load(await archive(images));
    expect(error).toBeUndefined();
    await expectWhole(store, [...images, user]);
  });

  test("are refused where too many would wait", async () => {
    const { store, error } = await load(await archive(indexes), { keepGoing: true });
    expect(error).toStartWith(TOO_MANY_WAIT);
    expect(await store.names()).toEqual([]);
  });

  test("leave room for the blobs of those that could be planned", async () => {
    const roots = indexes.map(({ artifact }) => artifact.manifests.at(-1)!);
    const parts = [...user.artifact.manifests, ...roots, ...user.artifact.blobs, ...children];
    const { store, error } = await load(await pipedArchive([user, ...indexes], parts));
    expect(error).toBeUndefined();
    await expectWhole(store, [user, ...indexes]);
  });

  test("are refused where more manifests come than can be held meanwhile", async () => {
    const roots = indexes.map(({ artifact }) => artifact.manifests.at(-1)!);
    const more = rootsOnly(Array.from({ length: 20 }, (_, at) => fatManifest(`${at}`, 3.9 * 2 ** 20)));
    const images = [...indexes, ...more.map((one) => ({ ...one, path: one.path.replace("many", "more") }))];
    const parts = [...roots, ...more.flatMap(({ artifact }) => artifact.manifests), ...children];
    const { store, error } = await load(await pipedArchive(images, parts), { keepGoing: true });
    expect(error).toStartWith(TOO_MANY_WAIT);
    expect(await store.names()).toEqual([]);
  });

  test("are loaded where they are too many to wait, if nothing else comes between", async () => {
    const roots = indexes.map(({ artifact }) => artifact.manifests.at(-1)!);
    const { store, error } = await load(await pipedArchive(indexes, [...roots, ...children]));
    expect(error).toBeUndefined();
    await expectWhole(store, indexes);
  });
});

test("small content that nobody wants is let go of", async () => {
  const foreign = Array.from({ length: 40 }, (_, at) => part("x", noise(700_000, at)));
  const { store, error, failed } = await load(await pipedArchive([user], [...foreign, ...userParts]));
  expect({ error, failed }).toEqual({ error: undefined, failed: {} });
  await expectWhole(store, [user]);
});

test("an image that wants it after all fails, and is told what to do; others are loaded", async () => {
  const foreign = Array.from({ length: 40 }, (_, at) => part("x", noise(700_000, at)));
  const late = image({ seed: "late" });
  const images = [{ path: "quay.io/a/late", tag: "1", artifact: late }, user];
  const parts = [...late.blobs, ...foreign, ...userParts, ...late.manifests];
  const { store, error, failed } = await load(await pipedArchive(images, parts));
  expect(error).toBeUndefined();
  expect(failed["quay.io/a/late:1"]).toContain("before it was known who wants it");
  expect(await store.names()).toEqual(namesOf([user]));
});

test.each([false, true])("so does one whose manifests tell no more than that (keep going: %p)", async (keepGoing) => {
  const foreign = Array.from({ length: 30 }, (_, at) => part("x", noise(700_000, at)));
  const late = multiPlatform(["linux/amd64"], { seed: "late" });
  const images = [{ path: "quay.io/a/late", tag: "1", artifact: late }, user];
  const parts = [...late.blobs, ...foreign, ...userParts, ...late.manifests];
  const { store, error, failed } = await load(await pipedArchive(images, parts), { keepGoing });
  expect(error).toBeUndefined();
  expect(failed["quay.io/a/late:1"]).toContain("before it was known who wants it");
  expect(await store.names()).toEqual(namesOf([user]));
});

test("manifests that cannot all be held are refused", async () => {
  const images = rootsOnly(Array.from({ length: 20 }, (_, at) => fatManifest(`${at}`, 3.9 * 2 ** 20)));
  const parts = images.flatMap(({ artifact }) => artifact.manifests);
  const { error, store } = await load(await pipedArchive(images, parts), { keepGoing: true });
  expect(error).toStartWith('UNSUPPORTED: Cannot read "the pipe": its manifests have more than 67108864 bytes');
  expect(await store.names()).toEqual([]);
});

test("images that would all parse one large manifest at once are refused", async () => {
  const child = fatManifest("child", 3 << 20);
  const images = named(Array.from({ length: 40 }, (_, at) => indexOf(child, { annotations: { at: `${at}` } })));
  const parts = [...images.map(({ artifact }) => artifact.manifests.at(-1)!), child];
  const { error, store } = await load(await pipedArchive(images, parts), { keepGoing: true });
  expect(error).toStartWith(TOO_MANY_WAIT);
  expect(await store.names()).toEqual([]);
});

test("images of more blobs than can be held are refused, and not one by one", async () => {
  const roots = Array.from({ length: 170 }, (_, one) => {
    const layers = Array.from({ length: 1000 }, (_, at) => {
      return { mediaType: "x", size: 1, digest: `sha256:${(one * 1000 + at).toString(16).padStart(64, "0")}` };
    });
    return part(OCI_MANIFEST, encode(JSON.stringify({ schemaVersion: 2, layers })));
  });
  const images = rootsOnly(roots);
  const { error, failed } = await load(await pipedArchive(images, roots), { keepGoing: true });
  expect(error).toContain("all images have more blobs than can be held");
  expect(Object.keys(failed).length).toBeLessThan(2);
});

describe("what nobody wants", () => {
  const LIMIT = 1 << 20;
  const zeros = part("x", new Uint8Array(3 * LIMIT));

  test("is refused where it is more than the pipe can honestly be", async () => {
    const bytes = await pipedArchive([user], [...userParts, zeros], "zstd");
    const { store, error } = await load(bytes, { passLimit: LIMIT });
    expect(error).toBeUndefined();
    await expectWhole(store, [user]);
    const small = await pipedArchive([], [zeros], "zstd");
    const refused = await load(small, { passLimit: LIMIT });
    expect(refused.error).toStartWith(
      'UNSUPPORTED: Cannot read "the pipe": more than 200 times its size is what nobody',
    );
    expect((await load(small, { passLimit: 4 * LIMIT })).error).toBeUndefined();
  });

  test("is passed over where the pipe really has it", async () => {
    const stored = part("x", noise(3 * LIMIT, 7));
    const { store, error } = await load(await pipedArchive([user], [...userParts, stored], "zstd"), { passLimit: 1 });
    expect(error).toBeUndefined();
    await expectWhole(store, [user]);
  });
});

test("a copy listens for its end once, however often it waits", async () => {
  const images = rootsOnly(Array.from({ length: 300 }, (_, at) => manifest(`one ${at}`)));
  const bytes = await pipedArchive(
    images,
    images.flatMap(({ artifact }) => artifact.manifests),
  );
  let turns = 0;
  const to = (sink: Sink): Sink => ({
    ...sink,
    async resolve(tag) {
      for (let left = ++turns % 7; left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
      return sink.resolve(tag);
    },
  });
  const listen = spyOn(AbortSignal.prototype, "addEventListener");
  try {
    const { store, error } = await load(bytes, { to });
    expect(error).toBeUndefined();
    await expectWhole(store, images);
    // Two each while an image is planned and named; none for each wait that another one ended.
    expect(listen.mock.calls.length).toBeLessThan(2 * images.length + 10);
  } finally {
    listen.mockRestore();
  }
});
