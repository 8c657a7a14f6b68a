/** Files and folders that other users may read, whatever the umask: mode 0644 and 0755. */
import { randomUUID } from "node:crypto";
import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes a folder and those above it; false where it was there before. Folders that were there keep their modes. */
export async function makePublicFolder(path: string): Promise<boolean> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return false;
  for (let made = path; made.length >= first.length; made = dirname(made)) await chmod(made, 0o755);
  return true;
}

/** Puts a small file in place at once, making its folder. It is not synced. */
export async function writePublicFile(path: string, text: string): Promise<void> {
  await makePublicFolder(dirname(path));
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, text);
    await chmod(temporary, 0o644);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
