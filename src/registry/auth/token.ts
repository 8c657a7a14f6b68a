/** Bearer tokens from a token server. Distribution token authentication; OAuth2 form for identity tokens. */
import { collect, decode, encode } from "../../bytes/stream.ts";
import { AppError } from "../../errors.ts";
import type { Credential } from "../credentials/credential.ts";
import { drain } from "../wire/drain.ts";
import type { Exchange, Transport } from "../wire/exchange.ts";
import { registryError } from "../wire/failure.ts";
import { redact } from "../wire/redact.ts";
import { bodyOf } from "../wire/stall.ts";

const BODY_LIMIT = 128 << 10;
/** The specification's life of a token that does not say it, in seconds; shorter ones are not believed. */
const SHORTEST_LIFE = 60;

export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  /** Absent: as nobody. */
  readonly credential: Credential | undefined;
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
 * other way; then by GET where POST is refused and a password exists. Throws UNAUTHORIZED or DENIED where the server says no.
 */
export async function fetchToken(send: Transport, request: TokenRequest): Promise<Token> {
  const { credential, realm } = request;
  if (credential?.identityToken !== undefined) {
    const url = realm.href;
    const response = await send(url, oauth(request, credential.identityToken));
    if (![400, 401, 404, 405].includes(response.status) || credential.password === "")
      return parse(response, "POST", request);
    await drain(response);
  }
  return parse(await send(tokenUrl(request), basic(request)), "GET", request);
}

/** Parameters are added to the text: realms have queries of their own, which must stay as they are. */
function tokenUrl({ realm, service, scopes, credential }: TokenRequest): string {
  const parameters = [
    ...(service === undefined ? [] : [`service=${encodeURIComponent(service)}`]),
    ...scopes.map((scope) => `scope=${encodeURIComponent(scope)}`),
    ...(credential ? [`account=${encodeURIComponent(credential.username)}`] : []),
  ];
  const base = realm.href.replace(/#.*$/, "");
  if (parameters.length === 0) return base;
  return `${base}${realm.search === "" ? "?" : "&"}${parameters.join("&")}`;
}

function basic({ credential, unverified, signal }: TokenRequest): Exchange {
  const headers = { accept: "application/json", ...(credential ? { authorization: basicHeader(credential) } : {}) };
  return { method: "GET", headers, unverified, signal };
}

function oauth({ service, scopes, unverified, signal }: TokenRequest, identityToken: string): Exchange {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    client_id: "dray",
    ...(service === undefined ? {} : { service }),
    scope: scopes.join(" "),
    refresh_token: identityToken,
  });
  const headers = { accept: "application/json", "content-type": "application/x-www-form-urlencoded" };
  return { method: "POST", headers, upload: encode(form.toString()), unverified, signal };
}

/** RFC 7617. */
export function basicHeader({ username, password }: Credential): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

async function parse(response: Response, method: string, { realm, credential }: TokenRequest): Promise<Token> {
  const host = realm.host;
  const what = `Cannot log in at "${host}"`;
  if (!response.ok) {
    const hint = credential
      ? "the credentials were refused: log in again with docker login or podman login"
      : undefined;
    throw await registryError(what, response, { method, url: realm.href, hint });
  }
  const received = performance.now();
  const bytes = await collect(bodyOf(response), BODY_LIMIT);
  const json = parseJson(bytes ? decodeOrEmpty(bytes) : "");
  const value = json.token || json.access_token;
  if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value))
    throw new AppError("NETWORK", `${what}: ${redact(realm.href)} answered without a token`);
  const life = Math.max(SHORTEST_LIFE, Number(json.expires_in) || 0);
  return { value, renewAt: received + 1000 * (life - Math.max(10, life / 10)) };
}

function decodeOrEmpty(bytes: Uint8Array): string {
  try {
    return decode(bytes);
  } catch {
    return "";
  }
}

function parseJson(text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
