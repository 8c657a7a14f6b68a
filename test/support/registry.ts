/** The product's own registry as the tests' registry: on a free port of 127.0.0.1, with a log of what was asked. */
import { createHandler, type HandlerOptions } from "../../src/serve/handler.ts";
import { listen } from "../../src/serve/listen.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Sink, Store } from "../../src/store/store.ts";

export type Handler = (request: Request) => Promise<Response>;

/** One request, in the order of arrival. */
export interface LoggedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Headers;
  /** 0 until it is answered. */
  status: number;
  /** The Content-Length of what was sent to us, or of our answer to a GET. */
  bytes?: number;
}

export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly url: string;
  readonly store: Store<Sink>;
  readonly requests: LoggedRequest[];
  /** How many requests had this method and a path that matches. */
  count(method: string, path?: RegExp): number;
  /** Forgets the requests so far. */
  reset(): void;
  close(): Promise<void>;
}

export interface TestRegistryOptions extends HandlerOptions {
  /** Wraps the handler: `(handler) => withFaults(handler, rules)`. The log is outside of it. */
  readonly wrap?: (handler: Handler) => Handler;
}

/** Serves `store` until it is closed or disposed, which leaves the store alone. */
export async function startRegistry(
  store: Store<Sink> = memoryStore(),
  { wrap = (handler) => handler, ...options }: TestRegistryOptions = {},
): Promise<TestRegistry> {
  const requests: LoggedRequest[] = [];
  const handler = createHandler(store, options);
  const server = await listen(logged(wrap(handler), requests));
  async function close(): Promise<void> {
    await server.close();
    await handler[Symbol.asyncDispose]();
  }
  return {
    host: `127.0.0.1:${server.port}`,
    url: server.url,
    store,
    requests,
    count: (method, path = /./) => requests.filter((one) => one.method === method && path.test(one.path)).length,
    reset() {
      requests.length = 0;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function logged(handler: Handler, requests: LoggedRequest[]): Handler {
  return async (request) => {
    const { pathname, search } = new URL(request.url);
    const entry: LoggedRequest = {
      method: request.method,
      path: pathname + search,
      headers: request.headers,
      status: 0,
    };
    requests.push(entry);
    const response = await handler(request);
    entry.status = response.status;
    const length = (request.method === "GET" ? response : request).headers.get("content-length");
    if (length !== null) entry.bytes = Number(length);
    return response;
  };
}
