/** Plans: a result for every image, in order, and no more reading than that takes. */
import { describe, expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import { EVERYTHING, parseSelection } from "../../src/oci/platform.ts";
import { copy } from "../../src/operations/copy.ts";
import { type Planned, plan } from "../../src/operations/plan.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Sink, Source } from "../../src/store/store.ts";
import { wantedImage } from "../support/laid.ts";
import { pushTo } from "../support/push.ts";
import { type Artifact, attested, image, multiPlatform } from "../support/random-image.ts";
import { failing, type Journal, recordSink, recordSource, spoiltSource } from "../support/recording.ts";

const OPTIONS = { selection: EVERYTHING, concurrency: 3 };
const QUIET = { strict: false, jobs: 3, onEvent: () => {} };

test("what cannot be read fails by itself, and all come in order", async () => {
  const [from, to] = [memoryStore().repository("app"), memoryStore().repository("app")];
  const [good, broken] = [image({ seed: "good" }), image({ seed: "broken" })];
  await pushTo(from, good, "good");
  await pushTo(from, broken, "broken");
  const source = spoiltSource(from, broken.root.digest, failing(new Error("the line is dead")));
  const wanted = ["good", "none", "broken", "good"].map((tag, at) => wantedImage(at + 1, source, to, tag));
  const planned = await Array.fromAsync(plan(wanted, OPTIONS));
  expect(planned.map(({ wanted: { name }, result }) => `${name.id} ${result}`)).toEqual([
    "1 image",
    "2 failed",
    "3 failed",
    "4 image",
  ]);
  const errors = planned.map((one) => ("error" in one ? `${one.error.code}: ${one.error.message}` : undefined));
  expect(errors[1]).toBe(`NOT_FOUND: Cannot find "docker.io/app:none": "${from.place.space}" does not have it`);
  expect(errors[2]).toBe('NETWORK: Cannot read "docker.io/app:broken": the line is dead');
});

test("an image whose tag is at the destination already costs two lookups and no read", async () => {
  const [from, to] = [memoryStore().repository("from"), memoryStore().repository("to")];
  const whole = multiPlatform(["linux/amd64"]);
  await pushTo(from, whole, "v1");
  await pushTo(to, whole, "v1");
  const journal: Journal = [];
  const wanted = wantedImage(1, recordSource(from, journal), recordSink(to, journal), "v1");
  const [planned] = await Array.fromAsync(plan([wanted], OPTIONS));
  expect(planned).toMatchObject({ result: "unchanged", root: { digest: whole.root.digest } });
  expect(journal.sort()).toEqual(["from resolve v1", "to resolve v1"]);
});

test("a tag that names something else is no reason to leave the image", async () => {
  const [from, to] = [memoryStore().repository("from"), memoryStore().repository("to")];
  await pushTo(from, image({ seed: "new" }), "v1");
  await pushTo(to, image({ seed: "old" }), "v1");
  const [planned] = await Array.fromAsync(plan([wantedImage(1, from, to, "v1")], OPTIONS));
  expect(planned?.result).toBe("image");
});

test.each([
  [false, "skipped"],
  [true, "failed"],
] as const)("an image without the platforms asked for, strict %p: %s", async (strict, result) => {
  const [from, to] = [memoryStore().repository("from"), memoryStore().repository("to")];
  await pushTo(from, multiPlatform(["linux/arm64"]), "v1");
  const options = { ...OPTIONS, selection: parseSelection("amd64", "linux"), strict };
  const [planned] = await Array.fromAsync(plan([wantedImage(1, from, to, "v1")], options));
  if (!planned || !("error" in planned)) throw new Error("it has an error");
  expect(planned.result).toBe(result);
  expect(planned.error.message).toBe('Cannot take "docker.io/from:v1": it has none of the platforms asked for');
});

describe("an image of which only some platforms travel", () => {
  const whole = attested(["linux/amd64", "linux/arm64", "linux/s390x"]);
  const newer = attested(["linux/amd64", "linux/arm64", "linux/s390x"], { seed: "newer" });

  function choose(architectures: string): typeof OPTIONS {
    return { ...OPTIONS, selection: parseSelection(architectures, "linux") };
  }

  /** A source that has the image, and a destination that got these platforms of it, one selection after the other. */
  async function arrived(artifact: Artifact, ...architectures: string[]): Promise<{ from: Sink; to: Sink }> {
    const [from, to] = [memoryStore().repository("from"), memoryStore().repository("to")];
    await pushTo(from, artifact, "v1");
    for (const some of architectures) {
      const { failed } = await copy([wantedImage(1, from, to, "v1")], { ...choose(some), ...QUIET });
      expect(failed).toBe(0);
    }
    return { from, to };
  }

  /** What planning it comes to, and what that asked for. */
  async function planning(from: Source, to: Sink, architectures: string): Promise<[Planned, Journal]> {
    const journal: Journal = [];
    const wanted = wantedImage(1, recordSource(from, journal), recordSink(to, journal), "v1");
    const [planned] = await Array.fromAsync(plan([wanted], choose(architectures)));
    return [planned!, journal.sort()];
  }

  test("is unchanged where the tag names those, at the price of the source's index", async () => {
    const { from, to } = await arrived(whole, "amd64,arm64");
    const [planned, asked] = await planning(from, to, "amd64,arm64");
    const root = await to.resolve("v1");
    expect(planned).toMatchObject({ result: "unchanged", root: { digest: root?.digest } });
    expect(asked).toEqual([`from read ${whole.root.digest}`, "from resolve v1", "to resolve v1"]);
  });

  test.each(["amd64", "arm64"])("and where it names more of them than %s: that index is read too", async (some) => {
    const { from, to } = await arrived(whole, "arm64", "amd64");
    const root = await to.resolve("v1");
    const [planned, asked] = await planning(from, to, some);
    expect(planned).toMatchObject({ result: "unchanged", root: { digest: root?.digest } });
    const reads = [`from read ${whole.root.digest}`, `to read ${root?.digest}`];
    expect(asked).toEqual([...reads, "from resolve v1", "to resolve v1"].sort());
  });

  test("travels where the tag names others of it, the original that the rest completes, or another image of its size", async () => {
    const { from, to } = await arrived(whole, "amd64");
    for (const more of ["arm64", "amd64,arm64", "amd64,arm64,s390x"])
      expect((await planning(from, to, more))[0].result).toBe("image");
    const { to: other } = await arrived(newer, "amd64");
    const [planned, asked] = await planning(from, other, "amd64");
    expect(planned.result).toBe("image");
    expect(asked.filter((line) => line.startsWith("to "))).toEqual(["to resolve v1"]);
    for (const artifact of [newer, image()]) {
      await pushTo(other, artifact, "v1");
      expect((await planning(from, other, "amd64"))[0].result).toBe("image");
    }
  });

  test("whatever came in whichever order, all that came is unchanged, and nothing is written for it", async () => {
    for (const order of [
      ["amd64", "arm64"],
      ["arm64", "amd64"],
      ["s390x", "amd64,arm64"],
      ["amd64,arm64", "arm64,s390x"],
    ]) {
      const { from, to } = await arrived(whole, ...order);
      for (const some of order) {
        const journal: Journal = [];
        const wanted = wantedImage(1, from, recordSink(to, journal), "v1");
        expect(await copy([wanted], { ...choose(some), ...QUIET })).toMatchObject({ done: 0, unchanged: 1 });
        expect(journal.filter((line) => !/^to (resolve v1|read)/.test(line))).toEqual([]);
      }
    }
  });

  test("is not compared with a cache, which keeps the original", async () => {
    const { from, to } = await arrived(whole, "amd64");
    const cache: Sink = { ...to, carries: to.has };
    expect((await planning(from, cache, "amd64"))[0].result).toBe("image");
  });
});

test("an image that is only known by its digest is not looked for at the destination", async () => {
  const [from, to] = [memoryStore().repository("from"), memoryStore().repository("to")];
  const one = image();
  await pushTo(from, one);
  const journal: Journal = [];
  const wanted = { ...wantedImage(1, from, recordSink(to, journal), one.root.digest), tag: undefined };
  const [planned] = await Array.fromAsync(plan([wanted], OPTIONS));
  expect(planned?.result).toBe("image");
  expect(journal).toEqual([]);
});

test("an abort is no failure of an image", async () => {
  const control = new AbortController();
  const from = memoryStore().repository("from");
  const source = {
    ...from,
    async resolve(): Promise<undefined> {
      control.abort(new AppError("CANCELLED", "Cannot go on: interrupted"));
      throw new Error("the connection was closed");
    },
  };
  const planned = plan([wantedImage(1, source, memoryStore().repository("to"), "v1")], {
    ...OPTIONS,
    signal: control.signal,
  });
  await expect(Array.fromAsync(planned)).rejects.toThrow("Cannot go on: interrupted");
});

test("a slow consumer holds the planning back", async () => {
  const from = memoryStore().repository("from");
  await pushTo(from, image(), "v1");
  const journal: Journal = [];
  const source = recordSource(from, journal);
  const wanted = Array.from({ length: 50 }, (_, at) =>
    wantedImage(at + 1, source, memoryStore().repository("to"), "v1"),
  );
  const planned = plan(wanted, { ...OPTIONS, concurrency: 2, ahead: 5 });
  await planned.next();
  for (let at = 0; at < 200; at++) await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  expect(journal.filter((line) => /resolve (?!sha256-)/.test(line)).length).toBeLessThanOrEqual(6);
  await planned.return(undefined);
});
