/** What all layers of the client speak: one request, one response, and the functions between them. */
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
  /** Done for the sake of the other side: not worth a second try. */
  readonly courtesy?: boolean | undefined;
  /** Certificates are not checked. */
  readonly unverified?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The tries at one thing of which this is one, or a part of one. Default: it stands alone. */
  readonly effort?: Effort | undefined;
  /** Filled in on the way down: which host was asked last, after redirects. */
  readonly trail?: Trail | undefined;
}

/** Tries at one thing that takes several requests, such as an upload with a session for each try. */
export interface Effort {
  /** Tries of a streamed body that failed in passing: nobody else can count them. */
  failed: number;
  /** Good answers of those who were asked, when they failed first. */
  readonly before: Map<unknown, number>;
  /** Whoever failed last gets one try only: another one here is not worth it. */
  isHopeless: boolean;
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

/** Nothing has failed. */
export function startEffort(): Effort {
  return { failed: 0, before: new Map(), isHopeless: false };
}

/** Whether the body comes from a stream, which only its owner knows how to produce again. */
export function isStreamed(exchange: Exchange): boolean {
  return exchange.upload !== undefined && !(exchange.upload instanceof Uint8Array);
}

/** Whether the body can be sent once only: it comes from a pipe, and neither a challenge nor a redirect gets it again. */
export function isOnce({ upload }: Exchange): boolean {
  return upload !== undefined && "once" in upload && upload.once === true;
}
