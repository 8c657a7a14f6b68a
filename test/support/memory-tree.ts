/** A tree whose files are here. */
import { type Bytes, encode, streamOf } from "../../src/bytes/stream.ts";
import type { Tree } from "../../src/store/store.ts";

/** Files by their paths. */
export type Files = Readonly<Record<string, Bytes | string>>;

export function memoryTree(files: Files): Tree {
  return {
    paths: () => Object.keys(files),
    file(path) {
      if (!Object.hasOwn(files, path)) return undefined;
      const found = files[path]!;
      const bytes = typeof found === "string" ? encode(found) : found;
      return {
        size: bytes.length,
        open: ({ start = 0, end = bytes.length } = {}) => streamOf(bytes.subarray(start, end)),
      };
    },
    async [Symbol.asyncDispose]() {},
  };
}
