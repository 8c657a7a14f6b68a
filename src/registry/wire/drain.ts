/** The end of a body that nobody wants. */
import { collect } from "../../bytes/stream.ts";
import { bodyOf, cancelBody } from "./reading.ts";

/** Less than this is read to its end, so that the connection serves the next request; more is cut off. */
const WORTH_READING = 64 << 10;

/** Lets go of a response: until its body is read or cancelled it holds a connection and buffers megabytes. Never throws. */
export async function drain(response: Response): Promise<void> {
  if (!response.body || response.bodyUsed) return;
  try {
    if (Number(response.headers.get("content-length") ?? 0) > WORTH_READING) await cancelBody(response);
    else await collect(bodyOf(response), WORTH_READING);
  } catch {
    // It was not wanted.
  }
}
