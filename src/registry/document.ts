/** What a registry says in one small answer, a manifest or a page of a list: read whole, through cut connections. */
import { type Bytes, collect } from "../bytes/stream.ts";
import type { Client, SendOptions } from "./client.ts";
import { createTries } from "./tries.ts";
import { drain } from "./wire/drain.ts";
import { networkError } from "./wire/failure.ts";
import { isMistake } from "./wire/mistake.ts";
import { bodyOf } from "./wire/reading.ts";

export interface Document {
  /** Its body is read. */
  readonly response: Response;
  /** Empty for a refusal that was expected; undefined where there are more than the limit. */
  readonly bytes: Bytes | undefined;
}

/** The answer to a GET, of at most `limit` bytes. Throws what Client.send does, and NETWORK where it breaks again and again. */
export async function readDocument(
  client: Client,
  what: string,
  path: string,
  limit: number,
  options: SendOptions,
): Promise<Document> {
  const tries = createTries(client);
  for (;;) {
    const response = await client.send(what, "GET", path, options);
    if (!response.ok) {
      await drain(response);
      return { response, bytes: new Uint8Array() };
    }
    if (Number(response.headers.get("content-length") ?? 0) > limit) {
      await drain(response);
      return { response, bytes: undefined };
    }
    try {
      return { response, bytes: await collect(bodyOf(response), limit) };
    } catch (error) {
      options.signal?.throwIfAborted();
      if (isMistake(error)) throw error;
      await tries.again(networkError(what, client.host, error), options);
    }
  }
}
