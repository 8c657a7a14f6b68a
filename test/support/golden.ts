/** Texts that are kept as files: test/fixtures/goldens/<name>.txt. `UPDATE_GOLDENS=1 bun test` writes them anew. */
import { expect } from "bun:test";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const FOLDER = join(dirname(import.meta.dirname), "fixtures", "goldens");

export async function expectGolden(name: string, text: string): Promise<void> {
  const path = join(FOLDER, `${name}.txt`);
  if (process.env.UPDATE_GOLDENS) {
    await mkdir(FOLDER, { recursive: true });
    await writeFile(path, text);
  }
  expect(text).toBe(await readFile(path, "utf8"));
}
