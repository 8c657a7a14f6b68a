/** The client of one registry: all layers in their order, and refusals as errors. */
import type { RetryPolicy } from "../bytes/retry.ts";
import { AppError } from "../errors.ts";
import type { Call } from "../store/store.ts";
import { withAuth } from "./auth/auth.ts";
import type { Credential } from "./credentials/credential.ts";
import type { Exchange, Transport } from "./wire/exchange.ts";
import { networkError, registryError } from "./wire/failure.ts";
import { withRedirects } from "./wire/redirect.ts";
import { type OnWait, withRetry } from "./wire/retry.ts";
import { createScheme } from "./wire/scheme.ts";
import { withStall } from "./wire/stall.ts";

export interface SendOptions extends Call {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly upload?: Exchange["upload"];
  /** What a token must allow. */
  readonly scopes: readonly string[];
  /** Statuses of refusals that the caller wants to see itself. */
  readonly expect?: readonly number[] | undefined;
}

export interface Client {
  /** As the user calls it: `docker.io`. */
  readonly host: string;
  readonly retry: RetryPolicy;
  readonly onWait: OnWait;
  /** `https://registry-1.docker.io`: found out at the first call. Throws NETWORK. */
  origin(what: string, options?: Call): Promise<string>;
  /**
   * Sends a request to a path (or a whole URL) of the registry. Resolves for success and for `expect`; throws a
   * RegistryError for every other status and NETWORK for no answer, both beginning with `what`.
   */
  send(what: string, method: string, path: string, options: SendOptions): Promise<Response>;
}

export interface ClientOptions {
  readonly tlsVerify: boolean;
  readonly credential: () => Promise<Credential | undefined>;
  readonly retry: RetryPolicy;
  readonly onWait: OnWait;
  /** Milliseconds. */
  readonly stall: number;
}

/** Docker Hub's API has another name than its images. */
function apiHost(host: string): string {
  return host === "docker.io" || host === "index.docker.io" ? "registry-1.docker.io" : host;
}

/** A client of `host`, over a transport that carries what every request needs. No I/O. */
export function createClient(host: string, wire: Transport, options: ClientOptions): Client {
  const { tlsVerify, credential, retry, onWait, stall } = options;
  const insecure = !tlsVerify;
  const redirected = withRedirects(withStall(wire, stall), { insecure });
  const steady = withRetry(redirected, retry, onWait);
  const authorized = withRetry(withAuth(redirected, { credential, tokens: steady, insecure }), retry, onWait);
  const patient = withRetry(withStall(wire, stall), { ...retry, attempts: Math.min(retry.attempts, 3) }, onWait);
  const findOrigin = createScheme(apiHost(host), tlsVerify, patient);

  async function guarded<T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof AppError ? error : networkError(what, host, error);
    }
  }

  async function origin(what: string, { signal }: Call = {}): Promise<string> {
    return guarded(what, signal, () => findOrigin({ signal }));
  }

  return {
    host,
    retry,
    onWait,
    origin,
    async send(what, method, path, { headers = {}, upload, scopes, expect = [], signal }) {
      const url = new URL(path, await origin(what, { signal })).href;
      const response = await guarded(what, signal, () =>
        authorized(url, { method, headers, upload, scopes, unverified: insecure, signal }),
      );
      if (response.ok || expect.includes(response.status)) return response;
      throw await registryError(what, response, { method, url });
    },
  };
}
