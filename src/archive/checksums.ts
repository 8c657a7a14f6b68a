/** The file of checksums beside an archive, `<archive>.sha256`: a line for each of its files, as `sha256sum -c` reads them. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { readFile, writeAtomic } from "../bytes/file.ts";
import { collect, decode, encode } from "../bytes/stream.ts";
import type { Call } from "../store/store.ts";
import { incompletePath } from "./incomplete-file.ts";

/** As many parts as an archive may have, with the longest names. */
const LIMIT: number = 4 << 20;

/** Hexadecimal SHA-256 by file name, without folder. */
export type Checksums = ReadonlyMap<string, string>;

/** Where the checksums of an archive are. */
export function checksumsPath(archive: string): string {
  return `${archive}.sha256`;
}

/** The checksums of an archive; undefined where there is no such file, or something else. Lines of another form are passed over. */
export async function readChecksums(archive: string): Promise<Checksums | undefined> {
  try {
    const path = checksumsPath(archive);
    const stats = await stat(path);
    // A device would never end, and a pipe not begin.
    const bytes = stats.isFile() ? await collect(readFile(path, stats.size), LIMIT) : undefined;
    if (!bytes) return undefined;
    const lines = decode(bytes).split("\n");
    const found = lines.map((line) => /^([0-9a-f]{64}) [ *](.+?)\r?$/.exec(line)).filter((match) => match !== null);
    return found.length > 0 ? new Map(found.map(([, sum, name]) => [name!, sum!])) : undefined;
  } catch {
    return undefined;
  }
}

/** Puts the file in place at once. What a killed process leaves of it, the next that writes the archive removes. */
export async function writeChecksums(archive: string, checksums: Checksums): Promise<void> {
  const lines = [...checksums].map(([name, sum]) => `${sum}  ${name}\n`);
  const path = checksumsPath(archive);
  await writeAtomic(path, encode(lines.join("")), { temporary: incompletePath(path) });
}

/** SHA-256 of a file, in hexadecimal. */
export async function sha256Of(path: string, { signal }: Call = {}): Promise<string> {
  const hash = createHash("sha256");
  const { size } = await stat(path);
  for await (const chunk of readFile(path, size, { reuse: true, signal })) hash.update(chunk);
  return hash.digest("hex");
}
