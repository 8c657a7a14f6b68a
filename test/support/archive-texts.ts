/** Bytes as a file to be opened. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ContainerOptions, openContainer } from "../../src/archive/container.ts";
import { type Bytes, collect, decode } from "../../src/bytes/stream.ts";
import { temporaryFolder } from "./temporary.ts";

/** Every file of an archive of these bytes, as text. */
export async function textsIn(bytes: Bytes, options: ContainerOptions = {}): Promise<Record<string, string>> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "archive");
  await writeFile(path, bytes);
  await using tree = await openContainer(path, { spoolFolder: folder.path, ...options });
  const texts: Record<string, string> = {};
  for (const name of tree.paths()) texts[name] = decode((await collect(tree.file(name)!.open(), 1 << 30))!);
  return texts;
}
