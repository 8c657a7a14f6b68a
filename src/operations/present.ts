/** Images with those of their platforms that are there, for those who do not need the others. */
import { AppError } from "../errors.ts";
import { isManifest } from "../oci/descriptor.ts";
import type { Call, Content, Source } from "../store/store.ts";

/** The source without those children of its indexes that it names and does not have. Each is looked for. */
export function presentIn(from: Source): Source {
  return {
    ...from,
    async carries(child, call = {}) {
      if ((await from.carries?.(child, call)) === false) return false;
      return !isManifest(child) || isThere(from.get(child), call);
    },
  };
}

async function isThere(content: Content, call: Call): Promise<boolean> {
  try {
    for await (const _ of content.open(call)) break;
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === "NOT_FOUND") return false;
    throw error;
  }
}
