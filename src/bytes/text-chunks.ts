/** A long text that is made piece by piece, and held as bytes. */
import { type Bytes, encode } from "./stream.ts";

/** Characters that are gathered before they become bytes. */
const CHUNK: number = 64 << 10;

export interface TextChunks {
  /** What is behind all that was added before. Throws as soon as there is more than may be, or soon after. */
  add(text: string): void;
  /** All of it. To be called once. Throws where it is more than may be. */
  end(): readonly Bytes[];
}

/** No text yet. Of more than `limit` bytes it throws what `refusal` makes. */
export function textChunks(limit: number, refusal: () => Error): TextChunks {
  const chunks: Bytes[] = [];
  let text = "";
  let size = 0;
  function turn(): void {
    const bytes = encode(text);
    chunks.push(bytes);
    size += bytes.length;
    text = "";
    if (size > limit) throw refusal();
  }
  return {
    add(more) {
      text += more;
      if (text.length >= CHUNK) turn();
    },
    end() {
      turn();
      return chunks;
    },
  };
}
