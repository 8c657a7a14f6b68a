/** What registries are sent out of damaged archives: whatever was sent to its end is what it was said to be. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bytes } from "../../src/bytes/stream.ts";
import type { Event } from "../../src/events.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { openLoadable } from "../../src/operations/loadable.ts";
import { type Loadable, openPipe } from "../../src/operations/pipe.ts";
import { wantedIn } from "../../src/operations/stored.ts";
import { openRegistry } from "../../src/registry/registry.ts";
import { packImages } from "../support/packed-archive.ts";
import { image, layer, multiPlatform, randomNumbers } from "../support/random-image.ts";
import { type Received, receiving } from "../support/received.ts";
import { startRegistry } from "../support/registry.ts";
import { temporaryFolder } from "../support/temporary.ts";

setDefaultTimeout(60_000);

const shared = layer("shared", 700_000);
const IMAGES = {
  "team/one:1": image({ seed: "one", layers: [shared, layer("own", 300_000)] }),
  "team/two:2": multiPlatform(["linux/amd64", "linux/arm64"], { seed: "two", size: 150_000, layers: 1 }),
  "team/three:3": image({ seed: "three", layers: [shared, layer("plain", 200_000, "none")] }),
};
const ALL = Object.values(IMAGES);

/** Opens what is at a path, and as bytes. */
type Open = (path: string, bytes: Bytes) => Promise<Loadable>;

const WAYS: Readonly<Record<"file" | "pipe", Open>> = {
  file: (path) => openLoadable([path], { holes: true, onWarning: () => {} }),
  pipe: (_, bytes) => openPipe(inChunks(bytes), { name: "the pipe" }),
};

async function* inChunks(bytes: Bytes) {
  for (let at = 0; at < bytes.length; at += 60_000) yield bytes.slice(at, at + 60_000);
}

interface Sent {
  readonly received: readonly Received[];
  /** Names of images that came through. */
  readonly done: readonly string[];
}

/** Loads what can be loaded of an archive into a registry that believes nothing that it is told. */
async function load(open: Open, path: string, bytes: Bytes): Promise<Sent> {
  const received: Received[] = [];
  await using registry = await startRegistry(undefined, { wrap: (handler) => receiving(handler, received) });
  await using target = openRegistry(registry.host, { retry: { attempts: 1 } });
  const done: string[] = [];
  function onEvent(event: Event): void {
    if (event.type === "image" && event.result === "done") done.push(event.image.name);
  }
  try {
    await using source = await open(path, bytes);
    const wanted = await wantedIn(source.store, (name) => target.repository(name.replace(/^docker\.io\//, "")));
    await source.copy(wanted, { selection: EVERYTHING, strict: true, jobs: 4, stopAtDamage: false, onEvent });
  } catch {
    // It is damaged; what matters is what was sent before that was known.
  }
  return { received, done: done.sort() };
}

test.each(["gzip", "zstd", "tar"] as const)(
  "out of a damaged %s, from a file or a pipe, nothing else than the digests say, and no name of what is not whole",
  async (format) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "x");
    await packImages(
      path,
      Object.fromEntries(Object.entries(IMAGES).map(([name, one]) => [`docker.io/${name}`, one])),
      {
        format,
      },
    );
    const whole = new Uint8Array(await readFile(path));
    const digests = new Set<string>(ALL.flatMap(({ blobs, manifests }) => [...blobs, ...manifests]).map(digestOf));
    const random = randomNumbers(`sent ${format}`);
    for (const open of Object.values(WAYS)) {
      const { received, done } = await load(open, path, whole);
      expect(done.length).toBe(ALL.length);
      expect(new Set(received.map(({ digest }) => digest))).toEqual(digests);
    }
    let stopped = 0;
    for (let round = 0; round < 12; round++) {
      const bytes = whole.slice();
      const bit = random(bytes.length * 8);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      await writeFile(path, bytes);
      for (const open of Object.values(WAYS)) {
        const { received, done } = await load(open, path, bytes);
        for (const { reference, digest } of received)
          if (reference.startsWith("sha256:")) expect(digest).toBe(reference);
          else expect(ALL.map(({ root }) => root.digest as string)).toContain(digest);
        expect(digests).toEqual(new Set([...digests, ...received.map(({ digest }) => digest)]));
        // Tags are given at the very end, so a name stands for an image that came whole.
        const got = new Set(received.map(({ digest }) => digest));
        for (const name of Object.keys(IMAGES) as (keyof typeof IMAGES)[])
          if (received.some(({ reference }) => reference === name.split(":")[1]))
            for (const one of [...IMAGES[name].blobs, ...IMAGES[name].manifests]) expect(got).toContain(digestOf(one));
        if (done.length < ALL.length) stopped++;
      }
    }
    expect(stopped).toBeGreaterThan(12);
  },
  60_000,
);

function digestOf({ descriptor }: { readonly descriptor: { readonly digest: string } }): string {
  return descriptor.digest;
}
