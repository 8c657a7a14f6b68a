/** A registry as a store of repositories. OCI distribution-spec v1.1. */
import { RETRY, type RetryPolicy } from "../bytes/retry.ts";
import { AppError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { isRegistry } from "../oci/reference.ts";
import type { Call, Sink, Store } from "../store/store.ts";
import { createClient } from "./client.ts";
import type { Credential } from "./credentials/credential.ts";
import { openRepository } from "./repository.ts";
import type { Transport } from "./wire/exchange.ts";
import { createTransport } from "./wire/transport.ts";
import { type RequestLine, withWire } from "./wire/wire.ts";

export interface RegistryOptions {
  /** Default true. false: certificates are not checked, and plain http is used where the host speaks no TLS. */
  readonly tlsVerify?: boolean | undefined;
  /** Who we are at a host; undefined is nobody. Default: nobody. Asked once, when the registry first wants to know. */
  readonly credentials?: ((host: string, options?: Call) => Promise<Credential | undefined>) | undefined;
  readonly retry?: Partial<RetryPolicy> | undefined;
  /** Told "waiting", before each pause. */
  readonly onEvent?: OnEvent | undefined;
  /** Told every request on the network, secrets left out: for debugging. */
  readonly onRequest?: ((line: RequestLine) => void) | undefined;
  /** Milliseconds without a byte before a transfer counts as dead. Default 30,000. */
  readonly stall?: number | undefined;
  /** Default `dray`. */
  readonly userAgent?: string | undefined;
  /** How one exchange is made. Default: on the network. */
  readonly transport?: Transport | undefined;
}

/**
 * The registry at `host`, such as `docker.io` or `localhost:5000`. No I/O before the first call of a repository; what is
 * learned (scheme, tokens) is kept for all of its repositories. Nothing of it needs closing. `references()` yields nothing:
 * a registry cannot be listed as a whole. Throws USAGE for a host that is none.
 */
export function openRegistry(host: string, options: RegistryOptions = {}): Store<Sink> {
  if (!isRegistry(host)) throw new AppError("USAGE", `Cannot open registry "${host}": expected HOST[:PORT]`);
  const { credentials, onEvent, onRequest, userAgent = "dray", transport = createTransport() } = options;
  const client = createClient(host, withWire(transport, { userAgent, onRequest }), {
    tlsVerify: options.tlsVerify ?? true,
    credential: async () => credentials?.(host),
    retry: { ...RETRY, ...options.retry },
    onWait: (wait) => onEvent?.({ type: "waiting", host, ...wait }),
    stall: options.stall ?? 30_000,
  });
  return {
    repository: (path) => openRepository(client, path),
    async *references() {},
    async [Symbol.asyncDispose]() {},
  };
}
