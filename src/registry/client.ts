/** The client of one registry: all layers in their order, and refusals as errors. */
import type { RetryPolicy } from "../bytes/retry.ts";
import { AppError } from "../errors.ts";
import type { OnEvent } from "../events.ts";
import { DOCKER_HUB_API, isDockerHub } from "../oci/docker-hub.ts";
import type { Call } from "../store/store.ts";
import { withAuth } from "./auth/auth.ts";
import { loginHint } from "./auth/hint.ts";
import type { FindLogin } from "./auth/identity.ts";
import { createScheme } from "./network/scheme.ts";
import { createPolicy } from "./policy/policy.ts";
import { withRedirects } from "./policy/redirect.ts";
import type { Resolve } from "./policy/resolver.ts";
import { withClosures } from "./traffic/closure.ts";
import { withRate } from "./traffic/rate.ts";
import { withReserve } from "./traffic/reserve.ts";
import { type OnWait, withRetry } from "./traffic/retry.ts";
import type { Traffic } from "./traffic/traffic.ts";
import { withTurns } from "./traffic/turn.ts";
import { withWarnings } from "./traffic/warning.ts";
import type { Exchange, Transport } from "./wire/exchange.ts";
import { networkError, registryError } from "./wire/failure.ts";
import { isMistake } from "./wire/mistake.ts";
import { withRefusals } from "./wire/refusal.ts";
import { withStall } from "./wire/stall.ts";

export interface SendOptions extends Call {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly upload?: Exchange["upload"];
  readonly bulk?: Exchange["bulk"];
  readonly courtesy?: Exchange["courtesy"];
  readonly effort?: Exchange["effort"];
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
  /** `https://registry-1.docker.io`: found out at the first call. Throws NETWORK; UNSUPPORTED where the policy forbids it. */
  origin(what: string, options?: Call): Promise<string>;
  /**
   * Sends a request to a path of the registry, or to a whole URL that it gave. Resolves for success and for `expect`. Throws
   * a RegistryError for every other status and NETWORK for no answer, both beginning with `what`; UNAUTHORIZED and DENIED
   * where no login does or may be shown, UNSUPPORTED for where the policy sends nothing, RATE_LIMITED for the run's reserve.
   */
  send(what: string, method: string, path: string, options: SendOptions): Promise<Response>;
}

export interface ClientOptions {
  readonly tlsVerify: boolean;
  /** Who we are for a repository. */
  readonly login: FindLogin;
  /** Of names, for the safety policy. */
  readonly resolve: Resolve;
  /** `HOST[:PORT]` of token servers that may see the credentials, wherever they are. */
  readonly trustedRealms: readonly string[];
  readonly retry: RetryPolicy;
  readonly onWait: OnWait;
  /** Told "quota" and "warning". */
  readonly onEvent?: OnEvent | undefined;
  readonly traffic: Traffic;
  /** Milliseconds. */
  readonly stall: number;
}

/** Docker Hub's API has another name than its images. */
export function apiHost(host: string): string {
  return isDockerHub(host) ? DOCKER_HUB_API : host;
}

/** A client of `host`, over a transport that carries what every request needs. No I/O. */
export function createClient(host: string, wire: Transport, options: ClientOptions): Client {
  const { tlsVerify, login, resolve, trustedRealms, retry, onWait, onEvent, traffic, stall } = options;
  const insecure = !tlsVerify;
  const again = { traffic, onWait };
  const policy = createPolicy({ registry: apiHost(host), resolve, insecure, trustedRealms });
  const alive = withRate(withStall(wire, stall), traffic.rate);
  const open = withClosures(withRefusals(alive), traffic);
  const heard = withReserve(withWarnings(open, traffic, onEvent), traffic, onEvent);
  const inTurn = withTurns(heard, traffic);
  const inTokenTurn = withTurns(heard, traffic, ({ tokens }) => tokens);
  const redirected = withRedirects(inTurn, policy);
  const tokens = withRetry(withRedirects(inTokenTurn, policy, { secretsStay: true }), retry, again);
  const authorized = withRetry(withAuth(redirected, { host, login, tokens, policy }), retry, again);
  // One that speaks no TLS may just hang up: then plain http is next, and should not have to wait for long.
  const patience = tlsVerify ? retry : { ...retry, attempts: Math.min(retry.attempts, 3) };
  const patient = withRetry(inTurn, patience, { ...again, anyAnswer: true });
  const findOrigin = createScheme(apiHost(host), tlsVerify, patient);

  let isAdmitted = false;

  async function guarded<T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof AppError || isMistake(error) ? error : networkError(what, host, error);
    }
  }

  async function origin(what: string, { signal }: Call = {}): Promise<string> {
    return guarded(what, signal, async () => {
      const named = new URL(`https://${apiHost(host)}`);
      if (!isAdmitted) await policy.admit(what, "registry", named, named, { signal });
      isAdmitted = true;
      return findOrigin({ signal });
    });
  }

  return {
    host,
    retry,
    onWait,
    origin,
    async send(what, method, path, { headers = {}, upload, bulk, courtesy, effort, scopes, expect = [], signal }) {
      const home = new URL(await origin(what, { signal }));
      const target = new URL(path, home);
      if (target.origin !== home.origin) await policy.admit(what, "upload", home, target, { signal });
      const url = target.href;
      const response = await guarded(what, signal, () =>
        authorized(url, { method, headers, upload, bulk, courtesy, effort, scopes, unverified: insecure, signal }),
      );
      if (response.ok || expect.includes(response.status)) return response;
      throw await registryError(what, response, { method, url, hint: loginHint(response) });
    },
  };
}
