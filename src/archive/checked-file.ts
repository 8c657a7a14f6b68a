/** The checksum of a file, taken while it is written. */
import { createHash } from "node:crypto";
import type { IncompleteFile } from "./incomplete-file.ts";

export interface CheckedFile extends IncompleteFile {
  /** SHA-256 of all that was written, in hexadecimal. Nothing is written or cut afterwards. */
  sha256(): Promise<string>;
}

/** `file`, hashed on its way from front to end; where it was cut in between, it is read again for its checksum. */
export function checkedFile(file: IncompleteFile): CheckedFile {
  let hash = createHash("sha256");
  let hashed = 0;
  let size = 0;
  return {
    ...file,
    async write(bytes, position) {
      if (position === hashed) {
        hash.update(bytes);
        hashed += bytes.length;
      }
      size = Math.max(size, position + bytes.length);
      await file.write(bytes, position);
    },
    async truncate(to) {
      await file.truncate(to);
      size = to;
      if (hashed <= to) return;
      hash = createHash("sha256");
      hashed = 0;
    },
    async sha256() {
      if (hashed !== size) {
        hash = createHash("sha256");
        for await (const chunk of file.read(size)) hash.update(chunk);
      }
      return hash.digest("hex");
    },
  };
}
