/** Plans: a result for every image, in order, and no more reading than that takes. */
import { expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import { EVERYTHING, parseSelection } from "../../src/oci/platform.ts";
import { plan } from "../../src/operations/plan.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { wantedImage } from "../support/laid.ts";
import { pushTo } from "../support/push.ts";
import { image, multiPlatform } from "../support/random-image.ts";
import { failing, type Journal, recordSink, recordSource, spoiltSource } from "../support/recording.ts";

const OPTIONS = { selection: EVERYTHING, concurrency: 3 };

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
