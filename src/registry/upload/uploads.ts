/** What is known of the uploads to one registry: those under way, and what it turned out to want. */
import { createFlights } from "../../bytes/flight.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Call } from "../../store/store.ts";
import type { Session } from "./session.ts";

export interface Uploads {
  /** Sessions that refused mounts left open, by uploadKey(). */
  readonly sessions: Map<string, Session>;
  /** `from to`: pairs of repositories between which nothing is mounted. */
  readonly unmounted: Set<string>;
  /** How a blob that fits into one request is sent: by PUT, or by PATCH as some old registries want it. */
  way: "put" | "patch";
  /** Bytes that one request may carry, as far as refusals have taught. */
  largest: number;
  /**
   * Runs `work` unless the same upload is under way: then its success is ours too. After its failure everybody who waited
   * tries for himself, since contents come from different sources.
   */
  alone(key: string, work: () => Promise<void>, options?: Call): Promise<void>;
}

export function uploadKey(path: string, digest: Digest): string {
  return `${path} ${digest}`;
}

/** Nothing is known yet. */
export function createUploads(): Uploads {
  const flights = createFlights<void>();
  return {
    sessions: new Map(),
    unmounted: new Set(),
    way: "put",
    largest: Number.POSITIVE_INFINITY,
    async alone(key, work, { signal } = {}) {
      for (;;) {
        let isOwn = false;
        try {
          return await flights(key, signal, () => {
            isOwn = true;
            return work();
          });
        } catch (error) {
          signal?.throwIfAborted();
          if (isOwn) throw error;
        }
      }
    },
  };
}
