/** Refusals, read as soon as they come. OCI distribution-spec v1.1 "Error Codes". */
import type { Bytes } from "../../bytes/stream.ts";
import { concat } from "../../bytes/stream.ts";
import type { Transport } from "./exchange.ts";
import { bodyOf } from "./reading.ts";

/** The rest is let go of: nobody reads more of an error. */
const LIMIT = 64 << 10;

/**
 * Reads the bodies of refusals (4xx and 5xx) ahead, 64 KiB at most, so that whoever must ask for something else before it
 * reads them holds no connection. One that says TOOMANYREQUESTS under another status becomes the 429 that it is.
 */
export function withRefusals(next: Transport): Transport {
  return async (url, exchange) => {
    const response = await next(url, exchange);
    const { status, headers, body } = response;
    if (status < 400 || status > 599 || !body) return response;
    const bytes = await beginning(response);
    exchange.signal?.throwIfAborted();
    const isLimit = status < 500 && new TextDecoder().decode(bytes).includes('"TOOMANYREQUESTS"');
    return new Response(bytes, { status: isLimit ? 429 : status, headers });
  };
}

/** What there is of a body, up to the limit. */
async function beginning(response: Response): Promise<Bytes> {
  const chunks: Bytes[] = [];
  let size = 0;
  try {
    for await (const chunk of bodyOf(response)) {
      chunks.push(chunk.subarray(0, LIMIT - size));
      size += chunks.at(-1)!.length;
      if (size === LIMIT) break;
    }
  } catch {
    // The status is here; the words are a courtesy.
  }
  return concat(chunks);
}
