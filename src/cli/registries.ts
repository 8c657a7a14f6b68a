/** The registries of a run, each opened once, with the user's settings. */
import type { OnEvent } from "../events.ts";
import { openRegistry, type RegistryOptions } from "../registry/registry.ts";
import type { Sink, Store } from "../store/store.ts";
import { VERSION } from "../version.ts";
import type { Access } from "./access.ts";
import type { SideName } from "./credentials.ts";
import type { Log } from "./log.ts";

export interface Registries extends AsyncDisposable {
  /** A registry that images come from. */
  source(host: string): Store<Sink>;
  /** A registry that images go to: the same as for the source, unless flags say something else of the two sides. */
  destination(host: string): Store<Sink>;
}

export function openRegistries(access: Access, log: Log, onEvent: OnEvent): Registries {
  const open = new Map<string, Store<Sink>>();
  const { keychains, verified } = access;
  const isOne = keychains.source === keychains.destination && verified.source === verified.destination;
  function at(host: string, side: SideName): Store<Sink> {
    const key = isOne ? host : `${side} ${host}`;
    const store = open.get(key) ?? openRegistry(host, { ...registryOptions(access, side, log), onEvent });
    open.set(key, store);
    return store;
  }
  return {
    source: (host) => at(host, "source"),
    destination: (host) => at(host, "destination"),
    async [Symbol.asyncDispose]() {
      for (const store of open.values()) await store[Symbol.asyncDispose]();
    },
  };
}

/** What a registry of that side is opened with. */
export function registryOptions(
  { keychains, network, traffic, trustedRealms, verified }: Access,
  side: SideName,
  log: Log,
): RegistryOptions {
  return {
    tlsVerify: verified[side],
    credentials: keychains[side],
    trust: network.trust,
    proxy: network.proxy,
    traffic,
    trustedRealms,
    ...asDray(log),
  };
}

/** Who asks, and a line for whoever debugs about each request. */
export function asDray(log: Log): Pick<RegistryOptions, "userAgent" | "onRequest"> {
  return {
    userAgent: `dray/${VERSION}`,
    onRequest: ({ method, url, status, milliseconds }) =>
      log.debug(`${method} ${url} -> ${status} (${milliseconds} ms)`),
  };
}
