/** What all layers of the client speak: one request, one response, and the functions between them. Interfaces only. */
import type { ByteStream, Bytes } from "../../bytes/stream.ts";

/** A body that is produced while it is sent. */
export interface Upload {
  /** Bytes in all: sent as Content-Length, since proxies and storage backends refuse chunked encoding. */
  readonly length: number;
  /** Called anew for each attempt. */
  open(): ByteStream;
  /** Cannot be opened a second time. */
  readonly once?: true | undefined;
}

export interface Exchange {
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Not called `body`, which ofetch would turn into JSON. */
  readonly upload?: Bytes | Upload | undefined;
  /** What a token for this request must allow, most important first: `repository:library/nginx:pull`. */
  readonly scopes?: readonly string[] | undefined;
  /** The answer is a blob: many bytes, for a long time. */
  readonly bulk?: boolean | undefined;
  /** Certificates are not checked. */
  readonly unverified?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Filled in on the way down: which host was asked last, after redirects. */
  readonly trail?: Trail | undefined;
}

export interface Trail {
  /** `registry.example:5000` */
  host: string;
}

/**
 * Sends one request and resolves with the headers of its answer, whatever the status. Rejects with the signal's reason
 * after an abort, and with whatever the runtime throws when the network fails. The body must be read to its end or
 * cancelled: until then it holds a connection.
 */
export type Transport = (url: string, exchange: Exchange) => Promise<Response>;

/** Whether the body comes from a stream, which only its owner knows how to produce again. */
export function isStreamed(exchange: Exchange): boolean {
  return exchange.upload !== undefined && !(exchange.upload instanceof Uint8Array);
}
