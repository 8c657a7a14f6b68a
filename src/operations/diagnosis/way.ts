/** The way to a registry: the proxy or none, its name, and which of its addresses answer. */
import { connect } from "node:net";
import { AppError } from "../../errors.ts";
import type { FindProxy } from "../../registry/network/proxy.ts";
import { bareHost, isAddress, isLoopback, nearness } from "../../registry/policy/address.ts";
import { createResolver, type Resolve } from "../../registry/policy/resolver.ts";
import type { Call } from "../../store/store.ts";
import type { Finding } from "./finding.ts";

export interface Way {
  /** Default: every host is reached directly. */
  readonly proxy?: FindProxy | undefined;
  /** Default: DNS. */
  readonly resolve?: Resolve | undefined;
  /** The names of the proxy variables that are set. Default: none. */
  readonly variables?: readonly string[] | undefined;
  /** It may turn out to speak plain http: on another port, through another proxy. Default false. */
  readonly mayBeOpen?: boolean | undefined;
}

interface ProxyUse {
  readonly finding: Finding;
  readonly isUsed: boolean;
}

/** Milliseconds in which an address must answer. */
const PATIENCE = 3000;
/** Addresses of one name that are tried. */
const MOST = 8;
/** There is no way from here: an IPv6 address, mostly, on a machine that has none. */
const NO_WAY = /ENETUNREACH|EADDRNOTAVAIL|EAFNOSUPPORT|EHOSTUNREACH/;

/** Looks at the way to `target`. Returns whether there is one. */
export async function* examineWay(target: URL, way: Way, { signal }: Call): AsyncGenerator<Finding, boolean> {
  const proxy = examineProxy(target, way);
  yield proxy.finding;
  if (proxy.finding.state === "failed" || proxy.isUsed) return proxy.isUsed;
  const addresses = await addressesOf(target, way, { signal });
  yield nameFinding(target, addresses);
  if (addresses.length === 0) return false;
  if (way.mayBeOpen && target.port === "") return true;
  return yield* examineAddresses(target, addresses, { signal });
}

function examineProxy(target: URL, { proxy: find, variables = [], mayBeOpen }: Way): ProxyUse {
  const check = "proxy";
  const urls = [target, ...(mayBeOpen ? [new URL(target.href.replace("https:", "http:"))] : [])];
  try {
    const proxy = urls.map((url) => find?.(url)).find((one) => one !== undefined);
    if (!proxy) return { finding: directFinding(target, variables), isUsed: false };
    const who = proxy.authorization === undefined ? "" : ", with the user and password of its URL";
    return { finding: { check, state: "ok", said: `the way goes through ${proxy.url}${who}` }, isUsed: true };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { finding: { check, state: "failed", said: error.message, advice: error.hint }, isUsed: false };
  }
}

/** Why no proxy is used. */
function directFinding({ hostname, protocol }: URL, variables: readonly string[]): Finding {
  const check = "proxy";
  const set = variables.filter((name) => new RegExp(`^${protocol.slice(0, -1)}_proxy$`, "i").test(name));
  if (set.length > 0) {
    const why = isLoopback(hostname) ? "is not for this machine itself" : "is not for this host: NO_PROXY names it";
    return { check, state: "ok", said: `none: ${set[0]} is set, but ${why}` };
  }
  if (variables.some((name) => /^all_proxy$/i.test(name))) {
    const said = "none: ALL_PROXY is set, which counts for nothing here, as for docker and podman";
    return { check, state: "warning", said, advice: "set HTTPS_PROXY, if this host is reached through a proxy" };
  }
  return { check, state: "ok", said: "none: the way is direct" };
}

async function addressesOf({ hostname, href }: URL, way: Way, options: Call): Promise<readonly string[]> {
  if (isAddress(hostname)) return [bareHost(hostname)];
  const resolve = way.resolve ?? createResolver();
  return [...new Set(await resolve(new URL(href), options))];
}

function nameFinding({ hostname }: URL, addresses: readonly string[]): Finding {
  const check = "name";
  if (isAddress(hostname)) return { check, state: "ok", said: "is an address" };
  if (addresses.length > 0) return { check, state: "ok", said: `${hostname} is at ${addresses.join(", ")}` };
  const advice = "check its spelling and the DNS of this machine; behind a proxy, set HTTPS_PROXY";
  return { check, state: "failed", said: `this machine does not know the name ${hostname}`, advice };
}

async function* examineAddresses(
  { port, protocol }: URL,
  addresses: readonly string[],
  { signal }: Call,
): AsyncGenerator<Finding, boolean> {
  const check = "addresses";
  const number = Number(port || (protocol === "https:" ? 443 : 80));
  // A cloud's own addresses, and those of the link, are nobody's registry.
  const tried = addresses.filter((address) => nearness(address) !== "link-local").slice(0, MOST);
  const failures = await Promise.all(tried.map((address) => failureAt(address, number, { signal })));
  signal?.throwIfAborted();
  const silent = tried.filter((_, at) => failures[at] !== undefined && !NO_WAY.test(failures[at]));
  const told = tried.flatMap((address, at) => (failures[at] === undefined ? [] : [`${address} (${failures[at]})`]));
  if (tried.length > 0 && told.length === tried.length) {
    const said = `nobody answers at port ${number} of ${told.join(", ")}`;
    const advice = "check the port, and whether a firewall is between; does the registry run?";
    yield { check, state: "failed", said, advice };
    return false;
  }
  if (silent.length > 0) {
    const said = `only some answer at port ${number}, and not ${told.join(", ")}: connections may lose time there`;
    yield { check, state: "warning", said, advice: "take what does not answer out of the DNS, or mend it" };
  } else if (tried.length > 1)
    yield { check, state: "ok", said: `all that there is a way to answer at port ${number}` };
  return true;
}

/** Why there is no connection to an address; undefined where there is one. */
function failureAt(host: string, port: number, { signal }: Call): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => end(`no answer in ${PATIENCE / 1000} s`), PATIENCE);
    function end(failure: string | undefined): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      socket.destroy();
      resolve(failure);
    }
    function stop(): void {
      end("not waited for");
    }
    signal?.addEventListener("abort", stop, { once: true });
    socket.on("connect", () => end(undefined));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      end(error.code === "ECONNREFUSED" ? "refused" : (error.code ?? error.message));
    });
  });
}
