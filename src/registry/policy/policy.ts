/** The safety policy: where a registry may send us, and what may go there. Every hop of every request asks it. */
import { AppError } from "../../errors.ts";
import type { Call } from "../../store/store.ts";
import { redact } from "../wire/redact.ts";
import { bareHost, innermost, isAddress, type Nearness, nearness } from "./address.ts";
import type { Resolve } from "./resolver.ts";
import { isSameSite } from "./site.ts";

/** Who sends us. */
export type Hop =
  /** the user: to the registry itself */
  | "registry"
  /** a challenge: to a token server */
  | "realm"
  /** a Location of a 3xx, for a request without content */
  | "redirect"
  /** a Location for content: of an upload, or of a 3xx */
  | "upload";

export type Verdict =
  | { readonly may: "credentials" }
  /** A request may go there that tells nobody who we are. */
  | { readonly may: "anonymous"; readonly reason: string }
  /** Nothing may go there: the reason completes "which ...". A user who knows better may trust the host. */
  | { readonly may: "nothing"; readonly reason: string; readonly isTrustable?: true };

export interface Policy {
  /**
   * What may go to `target`, whereto `from` sends us. For names all of their addresses count; each is looked up once. A name
   * that does not resolve is left to the connection.
   */
  judge(hop: Hop, from: URL, target: URL, options?: Call): Promise<Verdict>;
  /** judge(), where nothing else is to be done: throws where nothing may go, DENIED for a token server, else UNSUPPORTED. */
  admit(what: string, hop: Hop, from: URL, target: URL, options?: Call): Promise<Verdict>;
}

export interface PolicyOptions {
  /** `HOST[:PORT]` of the API of the registry that the user named: `registry-1.docker.io`, `localhost:5000`. */
  readonly registry: string;
  readonly resolve: Resolve;
  /** The registry may send us from https to http. Default false. */
  readonly insecure?: boolean | undefined;
  /** `HOST[:PORT]` that the user trusts with this registry's credentials, wherever they are. Default none. */
  readonly trustedRealms?: readonly string[] | undefined;
}

/** Registries whose own token servers have other domains. */
const KNOWN: readonly (readonly [registry: RegExp, realm: RegExp])[] = [
  [/^(?:.+\.)?docker\.io$/, /^auth\.docker\.io$/],
  [/^registry\.gitlab\.com$/, /^gitlab\.com$/],
  [/\.aliyuncs\.com$/, /^dockerauth[a-z0-9-]*\.[a-z0-9-]+\.aliyuncs\.com$/],
  [/^nvcr\.io$/, /^authn\.nvidia\.com$/],
];

const CREDENTIALS: Verdict = { may: "credentials" };

/** The policy of one registry. No I/O before it is asked. */
export function createPolicy({ registry, resolve, insecure = false, trustedRealms = [] }: PolicyOptions): Policy {
  const home = new URL(`https://${registry}`);
  const trusted = new Set(trustedRealms.map((host) => host.toLowerCase()));

  async function judge(hop: Hop, from: URL, target: URL, { signal }: Call = {}): Promise<Verdict> {
    const verdict = judgeSpelling(hop, from, target, { home, insecure, trusted });
    if (verdict.may === "nothing") return verdict;
    const isHome = bareHost(target.hostname) === bareHost(home.hostname);
    const near = await everyNearness(target, isHome, resolve, signal);
    if (near.includes("link-local")) return nothing("is in a link-local network, or a cloud's own");
    const inner = innermost(near);
    if (isHome || inner === "public" || trusted.has(target.host)) return verdict;
    const own = outermost(await everyNearness(home, true, resolve, signal));
    if (own === inner || own === "loopback") return verdict;
    return { ...nothing(`is in a ${inner} network, and ${home.host} is not`), isTrustable: true };
  }

  return {
    judge,
    async admit(what, hop, from, target, options) {
      const verdict = await judge(hop, from, target, options);
      if (verdict.may === "nothing") throw refusal(what, hop, target, verdict);
      return verdict;
    },
  };
}

interface Setting {
  readonly home: URL;
  readonly insecure: boolean;
  readonly trusted: ReadonlySet<string>;
}

/** What the two URLs alone say: the rules of each kind of hop. */
function judgeSpelling(hop: Hop, from: URL, target: URL, { home, insecure, trusted }: Setting): Verdict {
  if (target.protocol !== "https:" && target.protocol !== "http:") return nothing("is no address of the web");
  if (target.protocol === "http:" && from.protocol === "https:" && !insecure) return nothing("is not encrypted");
  const isSameOrigin = target.origin === from.origin;
  switch (hop) {
    case "registry":
      return CREDENTIALS;
    case "realm":
      return judgeRealm(target, home, trusted);
    case "redirect":
      return isSameOrigin ? CREDENTIALS : anonymous("is another host");
    case "upload":
      return isSameOrigin ? CREDENTIALS : judgeUpload(from, target);
  }
}

/** Who may see credentials: the host itself, its owner's other hosts, the known pairs and whom the user trusts. */
function judgeRealm(realm: URL, home: URL, trusted: ReadonlySet<string>): Verdict {
  if (bareHost(realm.hostname) === bareHost(home.hostname)) return CREDENTIALS;
  if (trusted.has(realm.host)) return realm.protocol === "https:" ? CREDENTIALS : anonymous("is not encrypted");
  if (isAddress(realm.hostname) || nearness(realm.hostname) === "loopback")
    return { ...nothing("is a bare address, and not that of the registry"), isTrustable: true };
  if (realm.protocol === "http:") return anonymous("is not encrypted");
  if (isSameSite(realm.hostname, home.hostname)) return CREDENTIALS;
  const isKnown = KNOWN.some(([from, to]) => from.test(bareHost(home.hostname)) && to.test(bareHost(realm.hostname)));
  return isKnown ? CREDENTIALS : anonymous(`does not belong to ${home.host}`);
}

/** Content is given to the owner of the registry only. */
function judgeUpload(from: URL, target: URL): Verdict {
  if (!isSameSite(target.hostname, from.hostname)) return nothing(`does not belong to ${from.host}`);
  const isEncrypted = target.protocol === "https:" || target.protocol === from.protocol;
  return isEncrypted ? anonymous("is another host") : nothing("is not encrypted");
}

/** Where a host is: by its addresses where it has any, else by its spelling. */
async function everyNearness(
  url: URL,
  isHome: boolean,
  resolve: Resolve,
  signal: AbortSignal | undefined,
): Promise<readonly Nearness[]> {
  const spelt = nearness(url.hostname);
  if (spelt === "loopback" || spelt === "link-local" || isAddress(url.hostname)) return [spelt];
  const addresses = await resolve(url, { signal });
  // A registry on the same link (`nas.local`) has such an address beside its others.
  const isBeside = isHome && addresses.some((address) => nearness(address) !== "link-local");
  const counted = isBeside ? addresses.filter((address) => !/^fe80:/i.test(address)) : addresses;
  return counted.length > 0 ? counted.map(nearness) : [spelt];
}

/** Only a registry whose every address is inside is itself inside. */
function outermost(near: readonly Nearness[]): Nearness {
  if (near.includes("public")) return "public";
  return near.includes("private") ? "private" : innermost(near);
}

function refusal(what: string, hop: Hop, target: URL, { reason, isTrustable }: Verdict & { may: "nothing" }): AppError {
  const where = `"${redact(target.href)}", which ${reason}`;
  if (hop === "registry") return new AppError("UNSUPPORTED", `${what}: the registry is at ${where}`);
  const code = hop === "realm" ? "DENIED" : "UNSUPPORTED";
  return new AppError(code, `${what}: the registry ${WORDS[hop]} ${where}`, {
    hint: isTrustable ? trustHint(target) : "this is never followed: it is an attack, or a mistake of the registry",
  });
}

const WORDS: Readonly<Record<Exclude<Hop, "registry">, string>> = {
  realm: "names as its token server",
  redirect: "redirects to",
  upload: "sends content to",
};

/** The URL of a Link: always on the host that gives it, as we reach that; undefined for another host. */
export function linkAt(target: URL, from: URL): string | undefined {
  const isHere = target.hostname === from.hostname && /^https?:$/.test(target.protocol);
  return isHere ? `${from.origin}${target.pathname}${target.search}` : undefined;
}

/** What a user can do who knows that a host is right. */
export function trustHint({ host }: URL): string {
  return `if you trust that host with your credentials: --trusted-realm ${host}`;
}

function anonymous(reason: string): Verdict {
  return { may: "anonymous", reason };
}

function nothing(reason: string): Verdict & { may: "nothing" } {
  return { may: "nothing", reason };
}
