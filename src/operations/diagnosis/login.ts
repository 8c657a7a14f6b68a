/** Who we are at a registry, how it asks for that, and whether it takes it. */
import { parseChallenges } from "../../registry/auth/challenge.ts";
import { keptBackReason, loginHint } from "../../registry/auth/hint.ts";
import type { Login } from "../../registry/credentials/credential.ts";
import { trustHint } from "../../registry/policy/policy.ts";
import type { Finding } from "./finding.ts";
import { challengeIn, type Seen } from "./journal.ts";

/** Says which credentials are used, never what they are. */
export function describeLogin(host: string, login: Login | undefined): Finding {
  const check = "credentials";
  if (login === undefined) {
    const advice = `dray login ${host}, where the registry knows you`;
    return { check, state: "note", said: "none: the registry is asked as nobody", advice };
  }
  const { credential, origin } = login;
  const kind = credential.registryToken
    ? "a bearer token"
    : credential.identityToken
      ? "an identity token"
      : `user "${credential.username}"`;
  return { check, state: "ok", said: `${kind}, from ${origin}` };
}

/**
 * What came of it by the last answer; undefined as long as the registry did not ask who we are. Throws nothing: a token
 * server that refuses has thrown before.
 */
export function describeAccess(
  login: Login | undefined,
  journal: readonly Seen[],
  origin: string,
  response: Response,
): Finding | undefined {
  const check = "login";
  const challenge = challengeIn(journal, origin);
  if (!challenge) return undefined;
  const { kind, realm } = kindOf(challenge);
  const reason = keptBackReason(response);
  if (reason !== undefined) {
    const said = `the registry wants ${kind}; the credentials were not sent there, since ${reason}`;
    return { check, state: "failed", said, advice: realm && trustHint(realm) };
  }
  if (response.status === 401) return refused(login, kind, response);
  if (response.status === 403) return undefined;
  if (login) return { check, state: "ok", said: `accepted: the registry wants ${kind}` };
  return { check, state: "ok", said: `the registry wants ${kind}, and gives nobody one as well` };
}

function refused(login: Login | undefined, kind: string, response: Response): Finding {
  const advice = loginHint(response);
  if (!login)
    return { check: "login", state: "note", said: `the registry wants ${kind}, and has none for nobody`, advice };
  return { check: "login", state: "failed", said: `refused: the registry wants ${kind}, and not these`, advice };
}

function kindOf({ url, headers }: Seen): { readonly kind: string; readonly realm: URL | undefined } {
  const challenges = parseChallenges(headers.get("www-authenticate"));
  const text = challenges.find(({ scheme }) => scheme === "bearer")?.parameters.realm;
  const realm = text !== undefined && URL.canParse(text, url) ? new URL(text, url) : undefined;
  if (realm) return { kind: realm.origin === url.origin ? "a token of its own" : `a token of ${realm.host}`, realm };
  const isBasic = challenges.some(({ scheme }) => scheme === "basic");
  const schemes = challenges.map(({ scheme }) => scheme).join(", ");
  return { kind: isBasic ? "a user name and a password" : `a login by "${schemes}"`, realm };
}
