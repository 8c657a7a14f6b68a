/** The addresses behind names, looked up once each: what the safety policy knows of names. */
import { lookup } from "node:dns/promises";
import { createFlights } from "../../bytes/flight.ts";
import { within } from "../../bytes/signal.ts";
import type { Call } from "../../store/store.ts";

/** All addresses of a URL's host. Empty where there are none, or where somebody else (a proxy) looks it up. */
export type Resolve = (url: URL, options?: Call) => Promise<readonly string[]>;

/** Milliseconds for which a name that was not found is believed to be none. */
const NOT_FOUND = 60_000;

/**
 * Looks names up like every program here does (hosts file, DNS), each once, and anew after a minute while it is not found.
 * URLs that `isProxied` are left to the proxy. Never throws, but for an abort, and what `isProxied` throws.
 */
export function createResolver(isProxied: (url: URL) => boolean = () => false): Resolve {
  const known = new Map<string, { readonly addresses: readonly string[]; readonly until: number }>();
  const flights = createFlights<readonly string[]>();
  return async (url, { signal } = {}) => {
    if (isProxied(url)) return [];
    const { hostname } = url;
    const found = known.get(hostname);
    if (found && found.until > performance.now()) return found.addresses;
    return flights(hostname, signal, async () => {
      const addresses = await within(addressesOf(hostname), signal);
      const until = addresses.length > 0 ? Number.POSITIVE_INFINITY : performance.now() + NOT_FOUND;
      known.set(hostname, { addresses, until });
      return addresses;
    });
  };
}

async function addressesOf(hostname: string): Promise<readonly string[]> {
  try {
    return (await lookup(hostname, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}
