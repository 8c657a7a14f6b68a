/** Runs: each blob moves once, failures stay where they belong, tags come last. */
import { describe, expect, test } from "bun:test";
import type { ByteStream } from "../../src/bytes/stream.ts";
import { AppError } from "../../src/errors.ts";
import type { Event } from "../../src/events.ts";
import { EVERYTHING, parseSelection, type Selection } from "../../src/oci/platform.ts";
import { copy } from "../../src/operations/copy.ts";
import { plan, type Wanted } from "../../src/operations/plan.ts";
import { createRun } from "../../src/operations/run.ts";
import type { Summary } from "../../src/operations/summary.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Content, Sink, Source } from "../../src/store/store.ts";
import { wantedImage } from "../support/laid.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, attested, chart, image, index, layer, multiPlatform } from "../support/random-image.ts";
import { failing, type Journal, recordSink, recordSource, spoiltSource } from "../support/recording.ts";
import { thrownBy } from "../support/thrown.ts";

interface Ran extends Summary {
  readonly events: readonly Event[];
  /** `id result`, in the order in which they were settled. */
  readonly settled: readonly string[];
}

async function ran(
  wanted: readonly Wanted[],
  { jobs = 3, selection = EVERYTHING, signal }: { jobs?: number; selection?: Selection; signal?: AbortSignal } = {},
): Promise<Ran> {
  const events: Event[] = [];
  const onEvent = (event: Event): number => events.push(event);
  const summary = await copy(wanted, { selection, strict: false, jobs, onEvent, signal });
  const settled = events.flatMap((event) => (event.type === "image" ? [`${event.image.id} ${event.result}`] : []));
  return { ...summary, events, settled };
}

async function source(artifacts: Readonly<Record<string, Artifact>>, path = "from"): Promise<Sink> {
  const repository = memoryStore().repository(path);
  for (const [tag, artifact] of Object.entries(artifacts)) await pushTo(repository, artifact, tag);
  return repository;
}

function matching(journal: Journal, pattern: RegExp): string[] {
  return journal.filter((line) => pattern.test(line));
}

describe("blobs", () => {
  const shared = layer("shared", 5000);
  const [one, two] = [image({ seed: 1, layers: [shared] }), image({ seed: 2, layers: [shared] })];

  const three = image({ seed: 3, layers: [shared, layer("own", 100)] });

  test("that two images share move once", async () => {
    const from = await source({ one, two });
    const journal: Journal = [];
    const [reader, to] = [recordSource(from, journal), recordSink(memoryStore().repository("to"), journal)];
    const result = await ran([wantedImage(1, reader, to, "one"), wantedImage(2, reader, to, "two")]);
    expect(result).toMatchObject({ done: 2, failed: 0, copied: 3, mounted: 0, present: 0 });
    expect(matching(journal, new RegExp(`(read|put) ${shared.descriptor.digest}`))).toEqual([
      `to put ${shared.descriptor.digest}`,
      `from read ${shared.descriptor.digest}`,
    ]);
    expect(result.bytes).toBe([...one.blobs, two.blobs[0]!].reduce((sum, { bytes }) => sum + bytes.length, 0));
  });

  test("go to a second repository without moving again", async () => {
    const from = await source({ one, two });
    const store = memoryStore();
    const journal: Journal = [];
    const [left, right] = ["left", "right"].map((path) => recordSink(store.repository(path), journal));
    const result = await ran([wantedImage(1, from, left!, "one"), wantedImage(2, from, right!, "two")], { jobs: 1 });
    expect(result).toMatchObject({ done: 2, copied: 3, mounted: 1 });
    expect(matching(journal, / mount /)).toEqual([`right mount ${shared.descriptor.digest} left`]);
    expect(await right!.has(shared.descriptor)).toBe(true);
  });

  test("are moved a second time where the second repository may not borrow", async () => {
    const from = await source({ one, two });
    const store = memoryStore();
    const journal: Journal = [];
    const reader = recordSource(from, journal);
    const refusing = recordSink({ ...store.repository("right"), mount: async () => false }, journal);
    const left = recordSink(store.repository("left"), journal);
    const result = await ran([wantedImage(1, reader, left, "one"), wantedImage(2, reader, refusing, "two")]);
    expect(result).toMatchObject({ done: 2, copied: 4, mounted: 0 });
    expect(matching(journal, new RegExp(`put ${shared.descriptor.digest}`)).length).toBe(2);
    expect(await refusing.has(shared.descriptor)).toBe(true);
  });

  test("are borrowed from the source where that is a neighbour", async () => {
    const store = memoryStore();
    await pushTo(store.repository("from"), one, "v1");
    const journal: Journal = [];
    const to = recordSink(store.repository("to"), journal);
    const result = await ran([wantedImage(1, recordSource(store.repository("from"), journal), to, "v1")]);
    expect(result).toMatchObject({ done: 1, copied: 0, mounted: 2, bytes: 0 });
    expect(matching(journal, /put/)).toEqual([]);
  });

  test("that are there stay", async () => {
    const from = await source({ one });
    const journal: Journal = [];
    const to = memoryStore().repository("to");
    for (const blob of one.blobs) await to.put(blob);
    const result = await ran([wantedImage(1, recordSource(from, journal), recordSink(to, journal), "one")]);
    expect(result).toMatchObject({ done: 1, copied: 0, present: 2 });
    expect(matching(journal, /to put/)).toEqual([]);
  });

  test("come from another image's source where the first one fails", async () => {
    const left = spoiltSource(await source({ one }, "left"), shared.descriptor.digest, failing(new Error("gone")));
    const right = await source({ two }, "right");
    const to = memoryStore().repository("to");
    const run = createRun({ onEvent() {} });
    const wanted = [wantedImage(1, left, to, "one"), wantedImage(2, right, to, "two")];
    const items = [];
    for await (const planned of plan(wanted, { selection: EVERYTHING, concurrency: 1 }))
      items.push(...(await run.add(planned)));
    for (const item of items) await run.deliver(item);
    expect(items.length).toBe(3);
    expect(run.summary()).toMatchObject({ done: 2, failed: 0, copied: 3 });
  });

  test.each([
    [1, { done: 1, failed: 0, copied: 3 }, 2],
    [9, { done: 0, failed: 1, copied: 2 }, 2],
  ])("whose bytes were wrong %d times are fetched once more", async (wrong, summary, opened) => {
    let times = 0;
    const wrongly = (content: Content): Content => ({
      ...content,
      async *open(options): ByteStream {
        const isWrong = ++times <= wrong;
        for await (const chunk of content.open(options)) yield isWrong ? chunk.map((byte) => byte ^ 1) : chunk;
      },
    });
    const from = spoiltSource(await source({ three }), shared.descriptor.digest, wrongly);
    const result = await ran([wantedImage(1, from, memoryStore().repository("to"), "three")]);
    expect(result).toMatchObject(summary);
    expect(times).toBe(opened);
  });

  test("that were lost once are tried again for a later image", async () => {
    let times = 0;
    const once = (content: Content): Content => ({
      ...content,
      open: (options) => (times++ === 0 ? failing(new Error("gone"))(content).open(options) : content.open(options)),
    });
    const from = spoiltSource(await source({ one, two }), shared.descriptor.digest, once);
    const to = memoryStore().repository("to");
    const gate = Promise.withResolvers<void>();
    const late = { ...from, resolve: (tag: string) => gate.promise.then(() => from.resolve(tag)) };
    const events: Event[] = [];
    const summary = await copy([wantedImage(1, from, to, "one"), wantedImage(2, late, to, "two")], {
      selection: EVERYTHING,
      strict: false,
      jobs: 3,
      onEvent(event) {
        events.push(event);
        if (event.type === "image") gate.resolve();
      },
    });
    expect(summary).toMatchObject({ failed: 1, done: 1 });
    expect(times).toBe(2);
  });
});

describe("failures", () => {
  test("of a blob fail the images that need it and no others", async () => {
    const lost = layer("lost", 100);
    const artifacts = {
      a: image({ seed: "a", layers: [lost] }),
      b: image({ seed: "b" }),
      c: image({ seed: "c", layers: [layer("c", 10), lost] }),
    };
    const from = spoiltSource(await source(artifacts), lost.descriptor.digest, failing(new Error("gone")));
    const to = memoryStore().repository("to");
    const result = await ran(Object.keys(artifacts).map((tag, at) => wantedImage(at + 1, from, to, tag)));
    expect(result.settled.toSorted()).toEqual(["1 failed", "2 done", "3 failed"]);
    expect(result).toMatchObject({ done: 1, failed: 2, damaged: false });
    expect(await Array.fromAsync(to.tags!())).toEqual(["b"]);
  });

  test("of several blobs fail an image once", async () => {
    const one = image({ layers: 4 });
    let from: Sink = await source({ one });
    const both = Promise.withResolvers<void>();
    let opened = 0;
    for (const { descriptor } of one.blobs.slice(1))
      from = spoiltSource(from, descriptor.digest, (content) => ({
        ...content,
        // biome-ignore lint/correctness/useYield: it fails before it has anything
        async *open(): ByteStream {
          if (++opened === 2) both.resolve();
          await both.promise;
          throw new Error("gone");
        },
      }));
    const result = await ran([wantedImage(1, from, memoryStore().repository("to"), "one")], { jobs: 2 });
    expect(result.settled).toEqual(["1 failed"]);
    expect(result.failed).toBe(1);
  });

  test("say which platform they are of, and what is damaged", async () => {
    const whole = multiPlatform(["linux/amd64", "linux/arm64"]);
    const [, , , config] = whole.blobs;
    const from = spoiltSource(await source({ whole }), config!.descriptor.digest, (content) => ({
      ...content,
      open: () => image().blobs[0]!.open(),
    }));
    const result = await ran([wantedImage(1, from, memoryStore().repository("to"), "whole")]);
    expect(result.damaged).toBe(true);
    expect(result.events.find(({ type }) => type === "image")).toMatchObject({
      number: 2,
      error: { code: "INTEGRITY" },
    });
  });

  test("of a manifest fail the image, when all its blobs are there", async () => {
    const from = await source({ one: image() });
    const to = memoryStore().repository("to");
    const refusing = { ...to, tag: () => Promise.reject(new AppError("DENIED", "Cannot tag it: no")) };
    const result = await ran([wantedImage(1, from, refusing, "one")]);
    expect(result).toMatchObject({ done: 0, failed: 1, copied: 3 });
  });

  test("of the destination's disk stop the run, and nothing goes on", async () => {
    const artifacts = Object.fromEntries(
      Array.from({ length: 30 }, (_, at) => [`t${at}`, image({ seed: at, size: 10 })]),
    );
    const journal: Journal = [];
    const from = recordSource(await source(artifacts), journal);
    const to = memoryStore().repository("to");
    let puts = 0;
    const full: Sink = {
      ...to,
      put: async (content, options) => {
        if (++puts === 4) throw new AppError("STORAGE", "Cannot write: no space is left");
        await new Promise((resolve) => setTimeout(resolve));
        await to.put(content, options);
      },
    };
    const wanted = Object.keys(artifacts).map((tag, at) => wantedImage(at + 1, from, full, tag));
    expect(await thrownBy(() => ran(wanted, { jobs: 2 }))).toMatchObject({ code: "STORAGE" });
    const length = journal.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(journal.length).toBe(length);
    expect(matching(journal, /resolve (?!sha256-)/).length).toBeLessThan(30);
  });
});

test("a run that stops does not wait for planning that would never end", async () => {
  const from = await source({ one: image() });
  const hanging: Source = {
    ...from,
    resolve: (_, { signal } = {}) =>
      new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason), { once: true })),
  };
  const to = memoryStore().repository("to");
  const full: Sink = {
    ...to,
    async put() {
      await new Promise((resolve) => setTimeout(resolve, 5)); // by then the run waits for the second image
      throw new AppError("STORAGE", "Cannot write: no space is left");
    },
  };
  const wanted = [wantedImage(1, from, full, "one"), wantedImage(2, hanging, full, "two")];
  expect(await thrownBy(() => ran(wanted, { jobs: 8 }))).toMatchObject({ code: "STORAGE" });
});

describe("an abort in the middle", () => {
  test("ends everything before it is heard of, and names nothing", async () => {
    const artifacts = Object.fromEntries(Array.from({ length: 8 }, (_, at) => [`t${at}`, image({ seed: at })]));
    const from = await source(artifacts);
    const control = new AbortController();
    let open = 0;
    let started = 0;
    const slow = {
      ...from,
      get: (descriptor: Parameters<Sink["get"]>[0]): Content => ({
        descriptor,
        async *open(options) {
          started++;
          open++;
          try {
            for await (const chunk of from.get(descriptor).open(options)) {
              if (started === 12) control.abort(new Error("enough"));
              await new Promise((resolve) => setTimeout(resolve));
              options?.signal?.throwIfAborted();
              yield chunk;
            }
          } finally {
            open--;
          }
        },
      }),
    };
    const to = memoryStore().repository("to");
    const wanted = Object.keys(artifacts).map((tag, at) => wantedImage(at + 1, slow, to, tag));
    const error = await thrownBy(() => ran(wanted, { jobs: 3, signal: control.signal }));
    expect((error as Error).message).toBe("enough");
    expect(open).toBe(0);
    const count = started;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(started).toBe(count);
  });
});

describe("the order", () => {
  test("is blobs, child manifests, index, and the tag at the very end", async () => {
    const whole = attested(["linux/amd64", "linux/arm64"]);
    const journal: Journal = [];
    const to = recordSink(memoryStore().repository("to"), journal);
    await ran([wantedImage(1, await source({ v1: whole }), to, "v1")]);
    const written = matching(journal, /(put|tag) /);
    const blobs = whole.blobs.map(({ descriptor }) => `to put ${descriptor.digest}`);
    expect(written.slice(0, blobs.length).toSorted()).toEqual(blobs.toSorted());
    const children = whole.manifests.slice(0, -1).map(({ descriptor }) => `to put ${descriptor.digest}`);
    expect(written.slice(blobs.length)).toEqual([...children, `to tag v1 ${whole.root.digest}`]);
  });

  test("has an index inside an index before the outer one", async () => {
    const inner = multiPlatform(["linux/amd64"], { seed: "inner" });
    const outer = index([inner, chart()]);
    const journal: Journal = [];
    await ran([wantedImage(1, await source({ v1: outer }), recordSink(memoryStore().repository("to"), journal), "v1")]);
    expect(matching(journal, /(put|tag) /).slice(outer.blobs.length)).toEqual([
      ...outer.manifests.slice(0, -1).map(({ descriptor }) => `to put ${descriptor.digest}`),
      `to tag v1 ${outer.root.digest}`,
    ]);
  });
});

test("an image without blobs is done at once", async () => {
  const empty = index([]);
  const to = memoryStore().repository("to");
  const result = await ran([wantedImage(1, await source({ v1: empty }), to, "v1")]);
  expect(result).toMatchObject({ done: 1, copied: 0 });
  expect((await to.resolve("v1"))?.digest).toBe(empty.root.digest);
});

test("an image that is only known by its digest is put under no tag", async () => {
  const one = image();
  const from = await source({ v1: one });
  const to = memoryStore().repository("to");
  await ran([{ ...wantedImage(1, from, to, one.root.digest), tag: undefined }]);
  expect((await to.resolve(one.root.digest))?.digest).toBe(one.root.digest);
  expect(await Array.fromAsync(to.tags!())).toEqual([]);
});

test("each platform is told by its number when it has arrived", async () => {
  const whole = multiPlatform(["linux/amd64", "linux/arm64"]);
  const { events } = await ran([wantedImage(7, await source({ v1: whole }), memoryStore().repository("to"), "v1")]);
  expect(events.filter(({ type }) => type === "manifest")).toMatchObject([
    { number: 1, image: { id: 7 }, descriptor: { digest: whole.manifests[0]!.descriptor.digest } },
    { number: 2, descriptor: { digest: whole.manifests[1]!.descriptor.digest } },
  ]);
});

describe("a subset of platforms", () => {
  const whole = multiPlatform(["linux/amd64", "linux/arm64", "linux/s390x"]);
  const only = (architectures: string): { selection: Selection } => ({
    selection: parseSelection(architectures, "linux"),
  });

  test("becomes an index of those, and the original when the rest has come", async () => {
    const from = await source({ v1: whole });
    const to = memoryStore().repository("to");
    await ran([wantedImage(1, from, to, "v1")], only("amd64"));
    const first = await to.resolve("v1");
    expect(first?.digest).not.toBe(whole.root.digest);
    await ran([wantedImage(1, from, to, "v1")], only("arm64"));
    expect((await to.resolve("v1"))?.digest).not.toBe(whole.root.digest);
    const last = await ran([wantedImage(1, from, to, "v1")], only("s390x"));
    expect((await to.resolve("v1"))?.digest).toBe(whole.root.digest);
    expect(last.events.filter(({ type }) => type === "warning")).toEqual([]);
  });

  test("replaces what the tag named before, with a warning", async () => {
    const from = await source({ v1: whole });
    const to = memoryStore().repository("to");
    const older = image({ seed: "older" });
    await pushTo(to, older, "v1");
    const { events } = await ran([wantedImage(1, from, to, "v1")], only("amd64"));
    expect(events.find(({ type }) => type === "warning")).toMatchObject({
      message: `replaces what "v1" named before: ${older.root.digest.slice(0, 19)} is not part of this image`,
    });
  });

  test("gets no name again that another run gave it meanwhile: the tag may be one that never changes", async () => {
    const from = await source({ v1: whole });
    const to = memoryStore().repository("to");
    await ran([wantedImage(1, from, to, "v1")], only("amd64"));
    const names = [undefined, await to.resolve("v1")];
    const late: Sink = {
      ...to,
      resolve: async () => names.shift(),
      tag: async () => Promise.reject(new AppError("UNSUPPORTED", "TAG_INVALID")),
    };
    expect(await ran([wantedImage(1, from, late, "v1")], only("amd64"))).toMatchObject({ done: 1, failed: 0 });
  });

  test("keeps the original bytes where a sink may lack children", async () => {
    const to = memoryStore().repository("to");
    const cache: Sink = { ...to, carries: to.has };
    await ran([wantedImage(1, await source({ v1: whole }), cache, "v1")], only("amd64"));
    expect((await to.resolve("v1"))?.digest).toBe(whole.root.digest);
  });
});

test("foreign layers are left out, and said", async () => {
  const foreign = layer("foreign", 10);
  const theirs = {
    ...foreign,
    descriptor: { ...foreign.descriptor, mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" },
  };
  const one = image({ layers: [theirs] });
  const to = memoryStore().repository("to");
  const { events, done } = await ran([wantedImage(1, await source({ v1: one }), to, "v1")]);
  expect(done).toBe(1);
  expect(await to.has(theirs.descriptor)).toBe(false);
  expect(events.find(({ type }) => type === "warning")).toMatchObject({
    message: "leaves 1 foreign layers where their publisher keeps them",
  });
});
