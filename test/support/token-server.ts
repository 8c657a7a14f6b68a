/** A token server whose tokens distribution takes. Distribution token authentication: GET with Basic, POST as OAuth2; JWT (ES256). */
import { createPrivateKey, type KeyObject, randomUUID, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { derOf, type Pair } from "./private-ca.ts";

export const SERVICE = "the test's registry";
export const ISSUER = "the test's token server";

export interface TokenRequest {
  readonly method: string;
  /** Who asked: a user, or undefined for nobody. */
  readonly user: string | undefined;
  /** What was asked for, a resource each. */
  readonly scopes: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly status: number;
}

export interface TokenServer extends AsyncDisposable {
  readonly realm: string;
  readonly requests: readonly TokenRequest[];
  close(): Promise<void>;
}

export interface TokenServerOptions {
  /** What it signs with; the registry must know the certificate. */
  readonly pair: Pair;
  /** Names with their passwords. */
  readonly users: Readonly<Record<string, string>>;
  /** Refresh tokens with the users they stand for. Default: none. */
  readonly identityTokens?: Readonly<Record<string, string>>;
  /** What a user may do with a repository; undefined is nobody. Default: users everything, nobody nothing. */
  readonly allow?: (user: string | undefined, repository: string) => readonly string[];
  /**
   * Seconds for which the registry takes a token: a little less, since its clock has whole seconds. The token server says that it
   * is five minutes, as one with another clock than the registry's does. Default 300.
   */
  readonly life?: number;
}

/** distribution forgives tokens that ended up to a minute ago. */
const LEEWAY = 60;

/** Starts a token server on 127.0.0.1, over plain http. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const requests: TokenRequest[] = [];
  const key = createPrivateKey(await readFile(options.pair.key));
  const certificate = await derOf(options.pair.cert);
  const server = createServer(async (request, response) => {
    const asked = await read(request);
    const { user, refused } = identify(asked, options);
    const scopes = asked.parameters.getAll("scope").flatMap((list) => list.split(" ").filter(Boolean));
    const status = refused ? 401 : 200;
    requests.push({ method: asked.method, user, scopes, parameters: Object.fromEntries(asked.parameters), status });
    const token = refused ? undefined : issue(user, scopes, options, key, certificate);
    const field = asked.method === "POST" ? "access_token" : "token";
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(token ? { [field]: token, expires_in: 300 } : { details: "wrong credentials" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  async function close(): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return { realm, requests, close, [Symbol.asyncDispose]: close };
}

interface Asked {
  readonly method: string;
  readonly authorization: string | undefined;
  readonly parameters: URLSearchParams;
}

async function read(request: IncomingMessage): Promise<Asked> {
  const { method = "", url = "", headers } = request;
  const body = await text(request);
  const parameters = method === "POST" ? new URLSearchParams(body) : new URL(url, "http://token").searchParams;
  return { method, authorization: headers.authorization, parameters };
}

function identify(
  asked: Asked,
  { users, identityTokens = {} }: TokenServerOptions,
): { user?: string; refused: boolean } {
  if (asked.method === "POST") {
    const user = identityTokens[asked.parameters.get("refresh_token") ?? ""];
    return user === undefined ? { refused: true } : { user, refused: false };
  }
  if (asked.authorization === undefined) return { refused: false };
  const [, encoded = ""] = /^Basic (\S+)$/.exec(asked.authorization) ?? [];
  const [user = "", password] = Buffer.from(encoded, "base64").toString().split(/:(.*)/s);
  return { user, refused: users[user] === undefined || users[user] !== password };
}

function issue(
  user: string | undefined,
  scopes: readonly string[],
  { allow = (who) => (who === undefined ? [] : ["pull", "push", "delete"]), life = 300 }: TokenServerOptions,
  key: KeyObject,
  certificate: string,
): string {
  const access = scopes.map((scope) => {
    const [, type, name = "", actions = ""] = /^([^:]*):(.*):([^:]*)$/.exec(scope) ?? [];
    const allowed = allow(user, name);
    return { type, name, actions: actions.split(",").filter((action) => allowed.includes(action)) };
  });
  const now = Math.floor(Date.now() / 1000);
  const times = { iat: now, nbf: now - LEEWAY, exp: now + life - LEEWAY };
  const claims = { iss: ISSUER, aud: SERVICE, sub: user ?? "", jti: randomUUID(), ...times, access };
  const content = [{ typ: "JWT", alg: "ES256", x5c: [certificate] }, claims].map(encode).join(".");
  const signature = sign("sha256", Buffer.from(content), { key, dsaEncoding: "ieee-p1363" });
  return `${content}.${signature.toString("base64url")}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
