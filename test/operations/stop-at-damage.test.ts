/** Wrong bytes that end a run: it is told of every image that needs them, wherever in the list, and of no other one. */
import { expect, test } from "bun:test";
import type { ByteStream } from "../../src/bytes/stream.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { copy } from "../../src/operations/copy.ts";
import type { Result } from "../../src/operations/summary.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Content, Sink, Source } from "../../src/store/store.ts";
import { wantedImage } from "../support/laid.ts";
import { pushTo } from "../support/push.ts";
import { image, layer } from "../support/random-image.ts";
import { spoiltSource } from "../support/recording.ts";
import { thrownBy } from "../support/thrown.ts";

/** Many more than are planned ahead of what moves. */
const COUNT = 60;
const shared = layer("shared", 5000);
const base = image({ seed: "base", layers: [shared] });
const IMAGES = Array.from({ length: COUNT }, (_, at) =>
  at % 3 === 0 ? image({ seed: at, size: 100 }) : image({ seed: at, layers: [layer(`own ${at}`, 100), shared] }),
);
const USERS = IMAGES.flatMap((_, at) => (at % 3 === 0 ? [] : [at + 1]));

function damaged(content: Content): Content {
  return {
    ...content,
    async *open(options): ByteStream {
      for await (const chunk of content.open(options)) yield chunk.map((byte) => byte ^ 1);
    },
  };
}

async function from(digest: Digest): Promise<Source> {
  const repository = memoryStore().repository("from");
  for (const [at, one] of IMAGES.entries()) await pushTo(repository, one, `v${at}`);
  await pushTo(repository, base, "base");
  return spoiltSource(repository, digest, damaged);
}

/** Copies all to one repository each. The numbers of the images, by what became of them. */
async function copied(source: Source, to: (at: number) => Sink): Promise<Readonly<Record<Result, readonly number[]>>> {
  const results: Record<Result, number[]> = { done: [], unchanged: [], skipped: [], failed: [] };
  const wanted = IMAGES.map((_, at) => wantedImage(at + 1, source, to(at), `v${at}`));
  const error = await thrownBy(() =>
    copy(wanted, {
      selection: EVERYTHING,
      strict: true,
      jobs: 2,
      stopAtDamage: true,
      onEvent: (event) => {
        if (event.type === "image") results[event.result].push(event.image.id);
      },
    }),
  );
  expect(error).toMatchObject({ code: "INTEGRITY" });
  for (const ids of Object.values(results)) ids.sort((one, other) => one - other);
  return results;
}

test("a blob, in repositories of their own and in one", async () => {
  for (const isOne of [true, false]) {
    const store = memoryStore();
    const { failed, done } = await copied(await from(shared.descriptor.digest), (at) =>
      store.repository(isOne ? "to" : `to/${at}`),
    );
    expect(failed).toEqual(USERS);
    // It ends there: what is not damaged is not carried on.
    expect(done.length).toBeLessThan(COUNT / 3);
  }
});

test("images that are at their destination do not need it", async () => {
  const sinks = IMAGES.map((_, at) => memoryStore().repository(`to/${at}`));
  const to = (at: number): Sink => sinks[at]!;
  const there = [USERS[3]!, USERS.at(-1)!];
  for (const id of there) await pushTo(to(id - 1), IMAGES[id - 1]!, `v${id - 1}`);
  const { failed, unchanged } = await copied(await from(shared.descriptor.digest), to);
  expect(failed).toEqual(USERS.filter((id) => !there.includes(id)));
  expect(unchanged).toEqual(there);
});

test("a manifest is of its image alone", async () => {
  const store = memoryStore();
  const at = COUNT - 1;
  const { failed } = await copied(await from(IMAGES[at]!.root.digest), (one) => store.repository(`to/${one}`));
  expect(failed).toEqual([at + 1]);
});
