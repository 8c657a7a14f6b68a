/** Archives that are plain tar: nothing stands around an entry, and the footer is the last one. */
import { type Bytes, concat } from "../bytes/stream.ts";
import type { Codec } from "./codec.ts";
import { BLOCK, END_OF_TAR, paddingOf, tarHeader } from "./tar.ts";

const FOOTER_PATH = "saved-image-cache/.dray/footer";

export function plainCodec(): Codec {
  return {
    format: "tar",
    framing: {
      block: 512 << 10,
      head: () => new Uint8Array(0),
      overhead: () => 0,
      tail: () => new Uint8Array(0),
    },
    end: () => new Uint8Array(0),
    footer,
    payloadAt: BLOCK,
  };
}

function footer(payload: Bytes): Bytes {
  const header = tarHeader({ path: FOOTER_PATH, type: "file", size: payload.length });
  return concat([header, payload, new Uint8Array(paddingOf(payload.length)), END_OF_TAR]);
}
