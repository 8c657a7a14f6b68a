/** What to tell a user whom a registry refuses: who we were there, and what would help. */
import { isForeign } from "../policy/redirect.ts";
import type { Exchange } from "../wire/exchange.ts";
import type { Grant } from "./grant.ts";

const hints = new WeakMap<Response, string>();
const keptBack = new WeakMap<Response, string>();

/** What a user can do about an answer that went through withAuth; undefined for one that is no refusal. */
export function loginHint(response: Response): string | undefined {
  return hints.get(response);
}

/** Why the answer is one to nobody although there are credentials; undefined where it is not. */
export function keptBackReason(response: Response): string | undefined {
  return keptBack.get(response);
}

/** The same response, with what the functions above tell of it. `isWrong`: nobody ever took these credentials. */
export function explained(
  response: Response,
  exchange: Exchange,
  host: string,
  grant: Grant | undefined,
  isWrong: boolean,
): Response {
  if (grant?.keptBack) keptBack.set(response, grant.keptBack.reason);
  if (response.status !== 401 && response.status !== 403) return response;
  hints.set(response, isForeign(response) ? FOREIGN : hintOf(host, grant, { isWrong, isWriting: isWriting(exchange) }));
  return response;
}

/** Storage with signed URLs: they end after minutes, and who we are is of no use there. */
const FOREIGN = "it was the host that the registry sent us to: try again later, logging in would not help";

/** Whether a request is to write, or to look whether that is needed. */
function isWriting({ method, scopes = [] }: Exchange): boolean {
  return (method !== "GET" && method !== "HEAD") || scopes.some((scope) => /[:,]push(?:,|$)/.test(scope));
}

/** What refuses a reader may be hiding that there is no such name; whoever writes is rarely wrong about it. */
function hintOf(
  host: string,
  grant: Grant | undefined,
  { isWrong, isWriting }: { readonly isWrong: boolean; readonly isWriting: boolean },
): string {
  const login = `log in with dray login ${host}`;
  if (grant?.keptBack) return `nobody may not do this, and ${grant.keptBack.reason}; ${grant.keptBack.hint}`;
  if (!grant?.identity && isWriting) return `nobody may write there: ${login}, or check the name`;
  if (!grant?.identity) return `check the name; if it is right, ${login}`;
  const { origin } = grant.identity;
  if (isWrong) return `the credentials from ${origin} were refused: they are wrong, or have ended; ${login}`;
  if (isWriting)
    return `the credentials from ${origin} do not allow it; ${login} as somebody who may write, or check the name`;
  return `the credentials from ${origin} do not allow it; check the name, or ${login} as somebody else`;
}
