/** What is wrong with the files of an archive as such. */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256Of } from "../../../src/archive/checksums.ts";
import { startChecking } from "../../../src/operations/verification/checking.ts";
import { partFindings } from "../../../src/operations/verification/part-findings.ts";
import { run } from "../../support/run.ts";
import { temporaryFolder } from "../../support/temporary.ts";

test("a part that is a pipe is not waited for", async () => {
  await using folder = await temporaryFolder();
  const paths = ["x.part0", "x.part1"].map((name) => join(folder.path, name));
  await writeFile(paths[0]!, "whole");
  expect((await run("mkfifo", [paths[1]!])).code).toBe(0);
  const sum = await sha256Of(paths[0]!);
  const sums = new Map(["x.part0", "x.part1"].map((name) => [name, sum]));
  const parts = { name: join(folder.path, "x"), paths, missing: [] };
  expect(await partFindings(parts, sums, startChecking(undefined), {})).toEqual([
    { kind: "part", file: paths[1]!, images: [], problem: "it is no regular file" },
  ]);
});
