/** What is wrong with the files of an archive as such: missing, of another archive, not what the list of checksums says. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import type { Checksums } from "../../archive/checksums.ts";
import { type Parts, parsePartPath } from "../../archive/parts.ts";
import { readFile } from "../../bytes/file.ts";
import { IntegrityError } from "../../errors.ts";
import { read } from "../../store/read.ts";
import type { Call, Content } from "../../store/store.ts";
import type { Checking } from "./checking.ts";
import type { Finding } from "./findings.ts";

/** In the order of the parts. Reads all that have a checksum. Throws what the system refuses. */
export async function partFindings(
  { paths, missing }: Parts,
  sums: Checksums,
  checking: Checking,
  call: Call,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const gone = new Set(missing);
  for (const path of paths) {
    const problem = gone.has(path) ? "it is missing" : await problemIn(path, sums, checking, call);
    if (problem !== undefined) findings.push({ kind: "part", file: path, images: [], problem });
  }
  return findings;
}

/** Bytes of those that are there. */
export async function sizeOfParts({ paths, missing }: Parts): Promise<number> {
  const gone = new Set(missing);
  let size = 0;
  for (const path of paths) if (!gone.has(path)) size += (await stat(path)).size;
  return size;
}

async function problemIn(
  path: string,
  sums: Checksums,
  checking: Checking,
  { signal }: Call,
): Promise<string | undefined> {
  if (sums.size === 0) return undefined;
  const expected = sums.get(basename(path));
  if (expected === undefined) return "the list of checksums does not have it: it is left over from another archive";
  const stats = await stat(path);
  // To open a pipe waits until somebody writes to it.
  if (!stats.isFile()) return "it is no regular file";
  const { size } = stats;
  const content: Content = {
    descriptor: { mediaType: "application/octet-stream", digest: `sha256:${expected}`, size },
    open: (range) => checking.counted(readFile(path, size, range)),
  };
  try {
    for await (const _ of read(content, { reuse: true, signal }));
    return undefined;
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    const [other] = [...sums].find(([, sum]) => error.actual === `sha256:${sum}`) ?? [];
    const number = other === undefined ? undefined : parsePartPath(other)?.number;
    return number === undefined ? "its checksum is not the one in the list" : `it is part ${number} under a wrong name`;
  }
}
