/** A registry as a store of repositories. OCI distribution-spec v1.1. */
import { RETRY, type RetryPolicy } from "../bytes/retry.ts";
import { AppError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { isRegistry } from "../oci/reference.ts";
import type { Sink, Store } from "../store/store.ts";
import { type Client, createClient } from "./client.ts";
import type { Keychain } from "./credentials/credential.ts";
import type { FindProxy } from "./network/proxy.ts";
import type { Trust } from "./network/tls.ts";
import { createTransport } from "./network/transport.ts";
import { createResolver, type Resolve } from "./policy/resolver.ts";
import { createReferrers } from "./referrers/referrers.ts";
import { openRepository } from "./repository.ts";
import { createTraffic, type Traffic } from "./traffic/traffic.ts";
import { createUploads } from "./upload/uploads.ts";
import type { Transport } from "./wire/exchange.ts";
import { type RequestLine, withWire } from "./wire/wire.ts";

export interface RegistryOptions {
  /** Default true. false: certificates are not checked, and plain http is used where the host speaks no TLS. */
  readonly tlsVerify?: boolean | undefined;
  /** Who we are at a host. Default: nobody. Asked once for each repository, when the registry first wants to know. */
  readonly credentials?: Keychain | undefined;
  /** `HOST[:PORT]` of token servers that may see these credentials, wherever they are. Default: those of the same owner. */
  readonly trustedRealms?: readonly string[] | undefined;
  /** The addresses of hosts, to know which are inside. Default: DNS, one lookup for each name. */
  readonly resolve?: Resolve | undefined;
  readonly retry?: Partial<RetryPolicy> | undefined;
  /** What is known of hosts and allowed there, for all registries of a run. Default: one of its own, without limits. */
  readonly traffic?: Traffic | undefined;
  /** Told "waiting" before pauses, "quota", and "warning" for what registries warn of. */
  readonly onEvent?: OnEvent | undefined;
  /** Told every request on the network, secrets left out: for debugging. */
  readonly onRequest?: ((line: RequestLine) => void) | undefined;
  /** Milliseconds without a byte before a transfer counts as dead. Default 30,000. */
  readonly stall?: number | undefined;
  /** Default `dray`. */
  readonly userAgent?: string | undefined;
  /** Whom TLS trusts, and who we are in it. Default: what the runtime has. */
  readonly trust?: Trust | undefined;
  /** Which proxy a request goes through. Default: none. */
  readonly proxy?: FindProxy | undefined;
  /** How one exchange is made. Default: on the network, by `trust` and `proxy`. */
  readonly transport?: Transport | undefined;
}

/** A client of the registry at `host`, for requests that are about no repository. No I/O. Throws USAGE for a host that is none. */
export function openClient(host: string, options: RegistryOptions = {}): Client {
  if (!isRegistry(host)) throw new AppError("USAGE", `Cannot open registry "${host}": expected HOST[:PORT]`);
  const { credentials, onEvent, onRequest, userAgent = "dray", trust, proxy } = options;
  const tls = trust && ((target: string) => trust(host, target));
  const transport = options.transport ?? createTransport({ tls, proxy });
  return createClient(host, withWire(transport, { userAgent, onRequest }), {
    tlsVerify: options.tlsVerify ?? true,
    login: async (path, call) => credentials?.(host, path, call),
    resolve: options.resolve ?? createResolver(proxy && ((url) => proxy(url) !== undefined)),
    trustedRealms: options.trustedRealms ?? [],
    retry: { ...RETRY, ...options.retry },
    onWait: (wait) => onEvent?.({ type: "waiting", host, ...wait }),
    onEvent,
    traffic: options.traffic ?? createTraffic(),
    stall: options.stall ?? 30_000,
  });
}

/**
 * The registry at `host`, such as `docker.io` or `localhost:5000`. No I/O before the first call of a repository; what is
 * learned (scheme, tokens) is kept for all of its repositories. Nothing of it needs closing. `references()` yields nothing:
 * a registry cannot be listed as a whole. Throws USAGE for a host that is none.
 */
export function openRegistry(host: string, options: RegistryOptions = {}): Store<Sink> {
  const client = openClient(host, options);
  const uploads = createUploads();
  const referrers = createReferrers(client);
  return {
    repository: (path) => openRepository(client, path, uploads, referrers),
    async *references() {},
    async [Symbol.asyncDispose]() {},
  };
}
