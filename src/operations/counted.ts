/** Content that tells how far the reading of it is. */
import type { OnEvent } from "../events.ts";
import type { Content } from "../store/store.ts";

/** The same content; `moving` is told for each chunk. */
export function counted(content: Content, onEvent: OnEvent): Content {
  const { descriptor } = content;
  return {
    ...content,
    async *open(options) {
      for await (const chunk of content.open(options)) {
        onEvent({ type: "moving", descriptor, bytes: chunk.length });
        yield chunk;
      }
    },
  };
}
