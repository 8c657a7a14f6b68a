/** Archives that are damaged at their ends, opened for what can still be read of them. */
import { expect, test } from "bun:test";
import { rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { openLoadable } from "../../src/operations/loadable.ts";
import { packImages } from "../support/packed-archive.ts";
import { archiveIn, openParted, partIn, replacePart } from "../support/parted-archive.ts";
import { image } from "../support/random-image.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { thrownBy } from "../support/thrown.ts";

test("an archive that was cut short is read from its beginning, and called by its name", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "cut.tgz");
  await packImages(path, { "docker.io/a/b:1": image({ size: 100_000 }) });
  const warnings: string[] = [];
  const options = { holes: true, onWarning: (message: string) => void warnings.push(message) };
  await truncate(path, 90_000);
  {
    await using source = await openLoadable([path], options);
    expect(await Array.fromAsync(source.store.references(), ({ path: name }) => name)).toEqual(["docker.io/a/b"]);
    const [wanted] = await Array.fromAsync(source.store.references());
    expect(source.store.repository(wanted!.path).place.space).toBe(path);
  }
  expect(warnings).toEqual([
    `Cannot open "${path}": it has no Dray index at its end; reading it from its beginning, as far as it goes`,
  ]);
});

test("of parts without an index, the first one must be known to belong to the others", async () => {
  await using whole = await openParted("gzip");
  await using folder = await whole.copied();
  const open = () => openLoadable([archiveIn(folder.path)], { holes: true, onWarning: () => {} });
  await rm(partIn(folder.path, 2));
  {
    await using source = await open();
    expect(await Array.fromAsync(source.store.references())).toHaveLength(4);
  }
  await replacePart(folder.path, 0, "gzip");
  expect(await thrownBy(open)).toMatchObject({ code: "INTEGRITY", hint: expect.stringContaining("has another") });
  await rm(`${archiveIn(folder.path)}.sha256`);
  expect(await thrownBy(open)).toMatchObject({ code: "INTEGRITY", hint: expect.stringContaining("is not here") });
});
