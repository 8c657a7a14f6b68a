/** Bearer tokens from a token server. Distribution token authentication; OAuth2 form for identity tokens. */
import { collect, decode, encode } from "../../bytes/stream.ts";
import { AppError, type ErrorCode } from "../../errors.ts";
import { drain } from "../wire/drain.ts";
import type { Exchange, Transport } from "../wire/exchange.ts";
import { networkError, registryError } from "../wire/failure.ts";
import { isMistake } from "../wire/mistake.ts";
import { bodyOf } from "../wire/reading.ts";
import { redact } from "../wire/redact.ts";
import { basicHeader } from "./basic.ts";
import type { Identity } from "./identity.ts";
import type { Realm } from "./realm.ts";

const BODY_LIMIT = 128 << 10;
/** The specification's life of a token that does not say it, in seconds; shorter ones are not believed. */
const SHORTEST_LIFE = 60;
/** In seconds: a clock that jumps, or a server that counts in milliseconds, costs no more than this. */
const LONGEST_LIFE = 12 * 3600;

export interface TokenRequest {
  /** The registry as the user calls it. */
  readonly host: string;
  readonly realm: Realm;
  readonly scopes: readonly string[];
  /** Absent: as nobody. */
  readonly identity: Identity | undefined;
  readonly unverified?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Token {
  readonly value: string;
  /** Milliseconds of performance.now() from which it should be replaced: a tenth of its life early, 10 seconds at least. */
  readonly renewAt: number;
}

/**
 * Asks for a token: by GET with Basic (every server knows it), or by POST where there is an identity token, which has no
 * other way; then by GET where POST is refused and a password exists. Throws UNAUTHORIZED where the server does not take
 * the credentials, or wants some; DENIED where it knows us and says no; UNSUPPORTED where there is none; NETWORK for no
 * answer, or one without a token; USAGE for credentials that no header can carry.
 */
export async function fetchToken(send: Transport, request: TokenRequest): Promise<Token> {
  const { realm, identity } = request;
  const { identityToken, password } = identity?.credential ?? {};
  if (identityToken !== undefined) {
    const response = await ask(send, realm.url.href, oauth(request, identityToken), request);
    if (![400, 401, 404, 405].includes(response.status) || password === "") return parse(response, "POST", request);
    await drain(response);
  }
  return parse(await ask(send, tokenUrl(request), basic(request), request), "GET", request);
}

/** Throws NETWORK for no answer: the caller would take it for the registry's, and ask that again. */
async function ask(send: Transport, url: string, exchange: Exchange, { host, realm }: TokenRequest): Promise<Response> {
  try {
    return await send(url, exchange);
  } catch (error) {
    exchange.signal?.throwIfAborted();
    throw error instanceof AppError || isMistake(error)
      ? error
      : networkError(`Cannot log in at "${host}"`, realm.url.host, error);
  }
}

/** Parameters are added to the text: realms have queries of their own, which must stay as they are. */
function tokenUrl({ realm: { url, service }, scopes, identity }: TokenRequest): string {
  const account = identity?.credential.username;
  const parameters = [
    ...(service === undefined ? [] : [`service=${encodeURIComponent(service)}`]),
    ...scopes.map((scope) => `scope=${encodeURIComponent(scope)}`),
    ...(account ? [`account=${encodeURIComponent(account)}`] : []),
  ];
  if (parameters.length === 0) return url.href;
  return `${url.href}${url.search !== "" ? "&" : url.href.endsWith("?") ? "" : "?"}${parameters.join("&")}`;
}

function basic({ identity, unverified, signal }: TokenRequest): Exchange {
  const headers = { accept: "application/json", ...(identity ? { authorization: basicHeader(identity) } : {}) };
  return { method: "GET", headers, unverified, signal };
}

function oauth({ realm, scopes, unverified, signal }: TokenRequest, identityToken: string): Exchange {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    client_id: "dray",
    ...(realm.service === undefined ? {} : { service: realm.service }),
    scope: scopes.join(" "),
    refresh_token: identityToken,
  });
  const headers = { accept: "application/json", "content-type": "application/x-www-form-urlencoded" };
  return { method: "POST", headers, upload: encode(form.toString()), unverified, signal };
}

async function parse(response: Response, method: string, request: TokenRequest): Promise<Token> {
  if (!response.ok) throw await refusal(response, method, request);
  const received = performance.now();
  const bytes = await collect(bodyOf(response), BODY_LIMIT);
  const { token, access_token, expires_in } = parseJson(bytes);
  const value = [token, access_token].find((one) => typeof one === "string" && one !== "");
  if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) {
    const url = redact(request.realm.url.href);
    throw new AppError("NETWORK", `Cannot log in at "${request.host}": ${url} answered without a token`);
  }
  // By our own clock from when it came: the server's may be wrong.
  const life = Math.min(LONGEST_LIFE, Math.max(SHORTEST_LIFE, Number(expires_in) || 0));
  return { value, renewAt: received + 1000 * (life - Math.max(10, life / 10)) };
}

async function refusal(response: Response, method: string, request: TokenRequest): Promise<Error> {
  const { host, realm, identity } = request;
  const { status } = response;
  const isRefusal = [400, 401].includes(status) || (status === 403 && !identity);
  // A token server that is not there does not say that an image is not.
  const code: ErrorCode | undefined = isRefusal ? "UNAUTHORIZED" : status === 404 ? "UNSUPPORTED" : undefined;
  const context = { method, url: realm.url.href, code };
  if (identity) {
    const what = `Cannot log in at "${host}" with the credentials from ${identity.origin}`;
    const hint = status === 403 ? "they do not allow it" : "they were refused: they are wrong, or have ended";
    return registryError(what, response, { ...context, hint: `${hint}; log in with dray login ${host}` });
  }
  const what = isRefusal ? `Cannot use "${host}" as nobody, login required` : `Cannot log in at "${host}"`;
  return registryError(what, response, { ...context, hint: `log in with dray login ${host}` });
}

function parseJson(bytes: Uint8Array | undefined): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(bytes ? decode(bytes) : "");
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
