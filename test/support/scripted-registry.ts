/**
 * A registry that keeps to a script, with the other hosts that it sends clients to: every request is expected by a line,
 * in order, and given what the line says. Works on Bun and on Deno, and with no test runner.
 */
import { getCACertificates } from "node:tls";
import { AppError } from "../../src/errors.ts";
import { createTransport, type TransportOptions } from "../../src/registry/network/transport.ts";
import { openRegistry, type RegistryOptions } from "../../src/registry/registry.ts";
import type { Transport } from "../../src/registry/wire/exchange.ts";
import type { Sink, Store } from "../../src/store/store.ts";
import { createAuthority, type Pair } from "./certificates.ts";
import { listenRaw, type RawConnection, type RawRequest, type RawServer } from "./raw-server.ts";
import { createScript, type Saying, type Script } from "./script.ts";
import { answer, bodyProblem } from "./scripted-answer.ts";

export interface Host {
  /** The next thing that is asked here, and what is answered: `GET /v2/a [range: bytes=1-] -> 206 [content-range: …]`. */
  (line: string, saying?: Saying): void;
  /** `127.0.0.1:5000` */
  readonly host: string;
  /** `http://127.0.0.1:5000` */
  readonly url: string;
  /** Asked any number of times, at any time. Returns when each of them was, in milliseconds of performance.now(). */
  always(line: string, saying?: Saying): readonly number[];
}

/** One case: its hosts and its script. */
export interface Talk {
  /** At 127.0.0.1. Its `HEAD /v2/` is answered without a line. */
  readonly registry: Host;
  /** Another port of the same address. */
  readonly cdn: Host;
  /** Another port again. */
  readonly tokens: Host;
  /** Another name: localhost. */
  readonly other: Host;
  /** localhost over TLS; `open()` trusts it. */
  readonly secure: Host;
  /** A host with a name in public, as `https://<name>`: the client believes to be there. Default address: a public one. */
  named(host: string, addresses?: readonly string[]): Host;
  /** The same, as `http://<name>`, without TLS. */
  plain(host: string): Host;
  /** The registry with quick retries. Default: `registry`. */
  open(at?: Host, options?: TalkOptions): Store<Sink>;
  /** Milliseconds of performance.now() at which each request of the script came, in order. */
  readonly times: readonly number[];
}

export interface TalkOptions extends RegistryOptions {
  /** The authority of `secure` is known. Default true. */
  readonly trusting?: boolean;
}

/** Tells the server of named hosts which of them is meant; never part of what is compared. */
const NAMED = "x-scripted-host";
const PUBLIC = ["93.184.215.14"];
const QUICK: RegistryOptions = { retry: { delay: 1, maximum: 4 }, stall: 10_000 };
const AUTHORITY = createAuthority();
const CERTIFICATE = AUTHORITY.issue({ names: ["localhost"] });
const TRUST = { added: [AUTHORITY.cert], all: [...getCACertificates("default"), AUTHORITY.cert].join("\n") };

/** Runs one case, and fails where the requests were not those of its script, in its order, all of them. */
export async function converse(play: (talk: Talk) => Promise<void>): Promise<void> {
  const script = createScript();
  const servers: RawServer[] = [];
  async function start(name: string, host: string, tls?: Pair): Promise<Host> {
    const server = await listenRaw((request, connection) => respond(script, name, request, connection), tls);
    servers.push(server);
    return hostOf(script, name, `http${tls ? "s" : ""}://${host}:${server.port}`);
  }
  try {
    const [registry, cdn, tokens, other, secure, named] = await Promise.all([
      start("registry", "127.0.0.1"),
      start("cdn", "127.0.0.1"),
      start("tokens", "127.0.0.1"),
      start("other", "localhost"),
      start("secure", "localhost", CERTIFICATE),
      start("named", "127.0.0.1"),
    ]);
    const network = networkOf(script, [registry, cdn, tokens, other, secure], named);
    await play({
      registry,
      cdn,
      tokens,
      other,
      secure,
      ...network,
      open: opener(registry, network),
      times: script.times,
    });
  } catch (error) {
    const problem = script.problem(false);
    throw problem === undefined ? error : new Error(problem, { cause: error });
  } finally {
    await Promise.all(servers.map((server) => server.close()));
  }
  const problem = script.problem(true);
  if (problem !== undefined) throw new Error(problem);
}

function hostOf(script: Script, name: string, url: string): Host {
  const expected = (line: string, saying: Saying = {}): void => script.expect(name, line, saying);
  const always = (line: string, saying: Saying = {}): readonly number[] => script.allow(name, line, saying);
  return Object.assign(expected, { host: new URL(url).host, url, always });
}

interface Network extends Pick<Talk, "named" | "plain"> {
  transport(trusting: boolean): Transport;
  resolve(url: URL): Promise<readonly string[]>;
}

/** The real network, for hosts of the script only; those with names in public are behind `server`. */
function networkOf(script: Script, hosts: readonly Host[], server: Host): Network {
  const addressesOf = new Map<string, readonly string[]>([["localhost", ["127.0.0.1"]]]);
  const real = new Map(hosts.map(({ url }) => [url, url]));
  function believe(url: string, addresses: readonly string[]): Host {
    const { host, hostname } = new URL(url);
    real.set(url, server.url);
    addressesOf.set(hostname, addresses);
    return hostOf(script, host, url);
  }
  return {
    named: (host, addresses = PUBLIC) => believe(`https://${host}`, addresses),
    plain: (host) => believe(`http://${host}`, PUBLIC),
    resolve: async ({ hostname }) => addressesOf.get(hostname) ?? [],
    transport(trusting) {
      const options: TransportOptions = { tls: async () => ({ ...TRUST, client: undefined }) };
      const send = createTransport(trusting ? options : {});
      return async (url, exchange) => {
        const { origin, host } = new URL(url);
        // Whoever does not speak the one scheme is asked by it all the same, and has its own way to say so.
        const to = real.get(origin) ?? real.get(otherScheme(origin))?.replace(/^[a-z]+/, origin.split(":", 1)[0]!);
        if (to === origin) return send(url, exchange);
        if (to !== undefined) {
          const headers = { ...exchange.headers, [NAMED]: host };
          return send(to + url.slice(origin.length), { ...exchange, headers });
        }
        script.fail(`somebody else was asked: ${exchange.method} ${url}`);
        throw new AppError("UNSUPPORTED", `Cannot ask "${origin}": it is not in the script`);
      };
    },
  };
}

function otherScheme(origin: string): string {
  return origin.startsWith("https:") ? origin.replace("https:", "http:") : origin.replace("http:", "https:");
}

function opener(registry: Host, { transport, resolve }: Network): Talk["open"] {
  return ({ host } = registry, { trusting = true, ...options } = {}) => {
    const retry = { ...QUICK.retry, ...options.retry };
    return openRegistry(host, { ...QUICK, transport: transport(trusting), resolve, ...options, retry });
  };
}

async function respond(
  script: Script,
  server: string,
  request: RawRequest,
  connection: RawConnection,
): Promise<boolean> {
  const found = script.find(request.headers.get(NAMED) ?? server, request);
  if (found === undefined) return answer(418, [], { body: "not in the script" }, request, connection);
  const { line, saying, isStrict } = found;
  const extras = typeof saying === "function" ? saying(request) : saying;
  const problem = isStrict ? await bodyProblem(request, line.answer, extras) : undefined;
  if (problem !== undefined) script.fail(problem);
  return answer(line.answer, line.headers, extras, request, connection);
}
