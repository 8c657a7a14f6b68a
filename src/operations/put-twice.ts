/** Puts content that may have been damaged on its way. */
import { IntegrityError } from "../errors.ts";
import type { Call, Content, Sink } from "../store/store.ts";

/** Where its bytes turn out to be wrong they are fetched once more, if they can be. Throws what the second attempt throws. */
export async function putTwice(to: Sink, content: Content, options: Call): Promise<void> {
  try {
    await to.put(content, options);
  } catch (error) {
    if (!(error instanceof IntegrityError) || content.once) throw error;
    await to.put(content, options);
  }
}
