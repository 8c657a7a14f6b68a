/** What a run knows of the hosts that it talks to, and what it allows itself there: shared by all of its registries. */
import type { Exchange } from "../wire/exchange.ts";
import type { Closure } from "./closure.ts";
import { createPace, type Pace } from "./pace.ts";
import { createPauses, type Pauses } from "./pauses.ts";
import { createQuota, type Quota } from "./quota.ts";
import { createRate, type Rate } from "./rate.ts";
import { createSlots, type Slots } from "./slots.ts";
import { createStandings, type Standing } from "./standing.ts";

export interface TrafficOptions {
  /** Uploads, downloads of blobs, small requests, and requests for tokens in flight at one host: so many of each. Default: no limit. */
  readonly perHost?: number | undefined;
  /** Requests a second to one host, such as 0.5. Default: no limit. */
  readonly rps?: number | undefined;
  /** Bytes a second over all hosts, in each direction. Default: no limit. */
  readonly rate?: number | undefined;
  /** Pulls that a registry with a quota is left with. Default: all are used. */
  readonly hubReserve?: number | undefined;
  /** Milliseconds after which a place that nothing is done with goes to those who wait. Default 1000. */
  readonly idle?: number | undefined;
}

/** One host by its name and port: a registry, a token server, a storage backend. */
export interface Host {
  readonly name: string;
  readonly pauses: Pauses;
  /** How it answers such requests. */
  readonly standing: (exchange: Exchange) => Standing;
  readonly quota: Quota;
  /** It said that it does not want to be asked. */
  closure: Closure | undefined;
  /** Warnings that were told. */
  readonly warned: Set<string>;
  /** Uploads have their own: what they send may come from a download at the same host. */
  readonly uploads: Slots;
  /** Of blobs: what is small does not wait for them. */
  readonly downloads: Slots;
  readonly requests: Slots;
  /** For tokens: the request that wants one may have a download open. */
  readonly tokens: Slots;
  readonly pace: Pace | undefined;
}

export interface Traffic {
  /** What is known of a host, `registry.example:5000` as URLs have it; always the same object. */
  at(host: string): Host;
  readonly rate: Rate | undefined;
  readonly hubReserve: number | undefined;
}

/** Nothing is known of any host. Nothing of it needs closing. */
export function createTraffic({ perHost, rps, rate, hubReserve, idle }: TrafficOptions = {}): Traffic {
  const hosts = new Map<string, Host>();
  const places = perHost ?? Number.POSITIVE_INFINITY;
  return {
    at(name) {
      let host = hosts.get(name);
      if (!host) {
        host = {
          name,
          pauses: createPauses(),
          standing: createStandings(),
          quota: createQuota(),
          closure: undefined,
          warned: new Set(),
          uploads: createSlots(places, idle),
          downloads: createSlots(places, idle),
          requests: createSlots(places, idle),
          tokens: createSlots(places, idle),
          pace: rps === undefined ? undefined : createPace(rps),
        };
        hosts.set(name, host);
      }
      return host;
    },
    rate: rate === undefined ? undefined : createRate(rate),
    hubReserve,
  };
}
