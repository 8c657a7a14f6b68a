/** How registries are reached, from flags and the environment: whom TLS trusts, and which proxies there are. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type FindProxy, type ProxySetting, proxyFor } from "../registry/network/proxy.ts";
import { createTrust, readAuthorities, type Trust } from "../registry/network/tls.ts";
import { homeOf } from "./environment.ts";

export interface Network {
  readonly trust: Trust;
  readonly proxy: FindProxy;
  /** The proxy variables: programs that we start need them in their environment. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface NetworkOptions {
  /** Of `--ca-file`. */
  readonly caFile?: string | undefined;
  /** Proxy variables are taken out of it. */
  readonly env: NodeJS.ProcessEnv;
  /** Told which certificates are used. */
  readonly onDetail: (line: string) => void;
  /** Told of a variable that names nothing. */
  readonly onWarning: (message: string) => void;
}

/**
 * The user's network. Certificates are read when the first registry speaks TLS, but for those of `--ca-file`, which throw
 * USAGE here; a proxy variable that cannot be used throws USAGE for the first request that needs it.
 */
export async function openNetwork({ caFile, env, onDetail, onWarning }: NetworkOptions): Promise<Network> {
  if (caFile) await readAuthorities(caFile);
  if (env.SSL_CERT_FILE && !existsSync(env.SSL_CERT_FILE))
    onWarning(`SSL_CERT_FILE is "${env.SSL_CERT_FILE}", and there is no such file: no authority is read from it`);
  const variables = takeProxies(env);
  const settings = {
    https: setting(variables, "HTTPS_PROXY", "https_proxy"),
    // A web server gives the headers of a request to its programs as HTTP_<name>: `Proxy: evil` would be HTTP_PROXY.
    http: env.REQUEST_METHOD ? setting(variables, "http_proxy") : setting(variables, "HTTP_PROXY", "http_proxy"),
    direct: variables.NO_PROXY || variables.no_proxy,
  };
  const trust = createTrust({
    files: caFile ? [caFile] : [],
    certs: [join(homeOf(env), ".config/containers/certs.d"), "/etc/containers/certs.d", "/etc/docker/certs.d"],
    system: {
      ...(env.SSL_CERT_FILE ? { files: [env.SSL_CERT_FILE] } : {}),
      ...(env.SSL_CERT_DIR ? { folders: env.SSL_CERT_DIR.split(delimiter) } : {}),
    },
    onSource: onDetail,
  });
  return { trust, proxy: (url) => proxyFor(url, settings), variables };
}

/** The first of these variables that says something. */
function setting(variables: Readonly<Record<string, string>>, ...names: readonly string[]): ProxySetting | undefined {
  const variable = names.find((name) => variables[name]);
  return variable === undefined ? undefined : { value: variables[variable]!, variable };
}

/** ALL_PROXY too, which Go's programs, and we, do not know: the runtimes do. */
const PROXIES = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [name, name.toLowerCase()]);
const taken = new WeakMap<NodeJS.ProcessEnv, Record<string, string>>();

/**
 * The proxy variables of an environment, which has none afterwards: the runtimes would follow them by rules of their own,
 * also where ours say otherwise. Taken once, they stay known.
 */
function takeProxies(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const known = taken.get(env) ?? {};
  taken.set(env, known);
  for (const name of PROXIES) {
    const value = env[name];
    if (value !== undefined) known[name] = value;
    delete env[name];
  }
  return { ...known };
}
