/** The token server that a challenge names, and who may be seen there. Distribution token authentication. */
import type { Call } from "../../store/store.ts";
import { type Policy, trustHint } from "../policy/policy.ts";
import type { Challenge } from "./challenge.ts";

export interface Realm {
  readonly url: URL;
  readonly service: string | undefined;
  /** Why nobody's credentials may be seen there; undefined where they may. */
  readonly stranger: { readonly reason: string; readonly hint: string } | undefined;
}

/** Whether a challenge names a token server at all. */
export function hasRealm({ scheme, parameters: { realm } }: Challenge, request: string): boolean {
  return scheme === "bearer" && realm !== undefined && realm !== "" && URL.canParse(realm, request);
}

/** The token server of a challenge to a request. Throws DENIED for one that is not asked at all. */
export async function findRealm(
  host: string,
  { parameters: { realm = "", service } }: Challenge,
  request: string,
  policy: Policy,
  options: Call,
): Promise<Realm> {
  const url = new URL(realm, request);
  url.hash = "";
  url.username = "";
  url.password = "";
  const verdict = await policy.admit(`Cannot log in at "${host}"`, "realm", new URL(request), url, options);
  if (verdict.may === "credentials") return { url, service, stranger: undefined };
  const reason = `its token server "${url.origin}" ${verdict.may === "anonymous" ? verdict.reason : ""}`;
  return { url, service, stranger: { reason, hint: trustHint(url) } };
}
