/** Which token servers may see a registry's credentials: the one place that decides it. */
import { isSameSite, nearness } from "../wire/address.ts";

/** Registries whose own token servers have other domains. */
const KNOWN: readonly (readonly [registry: RegExp, realm: RegExp])[] = [
  [/(?:^|\.)docker\.io$/, /^auth\.docker\.io$/],
  [/^registry\.gitlab\.com$/, /^gitlab\.com$/],
  [/\.aliyuncs\.com$/, /^dockerauth[a-z0-9-]*\.[a-z0-9-]+\.aliyuncs\.com$/],
  [/^nvcr\.io$/, /^authn\.nvidia\.com$/],
];

export type Trust =
  /** credentials may be sent */
  | "credentials"
  /** only an anonymous request may be sent */
  | "anonymous"
  /** nothing may be sent */
  | "refused";

/**
 * What may be sent to the token server `realm` of a registry at `registry`. Credentials stay on the registry's host, its
 * registrable domain and the known pairs. Plain http is for registries that are reached so themselves, or `insecure` ones;
 * addresses of inner networks are for registries that have the very same one.
 */
export function trustRealm(realm: URL, registry: URL, insecure: boolean): Trust {
  if (realm.protocol !== "https:" && realm.protocol !== "http:") return "refused";
  if (realm.protocol === "http:" && registry.protocol !== "http:" && !insecure) return "refused";
  if (realm.hostname === registry.hostname) return "credentials";
  if (nearness(realm.hostname) !== "public") return "refused";
  if (isSameSite(realm.hostname, registry.hostname)) return "credentials";
  const isKnown = KNOWN.some(([from, to]) => from.test(registry.hostname) && to.test(realm.hostname));
  return isKnown ? "credentials" : "anonymous";
}
