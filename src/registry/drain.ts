/** The end of a body that nobody wants. */
import { type ByteStream, collect } from "../bytes/stream.ts";

/** Less than this is read to its end, so that the connection serves the next request; more is cut off. */
const WORTH_READING = 64 << 10;

/** Lets go of a response: until its body is read or cancelled it holds a connection and buffers megabytes. Never throws. */
export async function drain(response: Response): Promise<void> {
  if (!response.body || response.bodyUsed) return;
  try {
    if (Number(response.headers.get("content-length") ?? 0) > WORTH_READING) await response.body.cancel();
    else await collect(response.body as unknown as ByteStream, WORTH_READING);
  } catch {
    // It was not wanted.
  }
}
