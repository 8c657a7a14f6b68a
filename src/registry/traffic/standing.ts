/** Whether one host answers, as far as the run has seen. */
import { type Exchange, isStreamed } from "../wire/exchange.ts";

/** How a host answers requests of one kind. */
export interface Standing {
  /**
   * Requests get one try: nobody answered any try of one, or all tries of one of this kind were refused, and nothing else
   * got through. Until an answer shows that the host is back.
   */
  readonly isGivenUp: boolean;
  /** The host has answered, whatever it said to whichever request. */
  readonly hasAnswered: boolean;
  /** Good answers so far. */
  readonly good: number;
  /** Requests in a row, about several things, ended in trouble of the host's own, and none well. */
  readonly isTroubled: boolean;
  /** A request about something ended in trouble of the host's own: 500, 502 or 504. */
  troubled(subject: unknown): void;
  /** The host answered; `isGood`: not with a status that passes, nor with the wish for a login, which comes before all work. */
  answered(isGood: boolean): void;
  /** All tries of a request found nobody there, since there were `good` good answers. */
  unreachable(good: number): void;
  /** All tries of a request were refused in passing, since there were `good` good answers. */
  refused(good: number): void;
}

/** Things in trouble that are more than chance. */
const TROUBLED = 3;

/**
 * The standings of a host that nothing is known of; always the same one for the same kind of request. Each kind speaks for
 * itself: who is read from may refuse what is written, and who opens sessions may refuse what is sent in them.
 */
export function createStandings(): (exchange: Exchange) => Standing {
  const standings = new Map<string, Standing>();
  const host = { hasAnswered: false, isSilent: false };
  return (exchange) => {
    const kind = isStreamed(exchange) ? "upload" : exchange.method;
    const standing = standings.get(kind) ?? createStanding(host);
    standings.set(kind, standing);
    return standing;
  };
}

function createStanding(host: { hasAnswered: boolean; isSilent: boolean }): Standing {
  let isRefusing = false;
  let good = 0;
  const inTrouble = new Set<unknown>();
  return {
    get isGivenUp() {
      return host.isSilent || isRefusing;
    },
    get hasAnswered() {
      return host.hasAnswered;
    },
    get good() {
      return good;
    },
    get isTroubled() {
      return inTrouble.size === TROUBLED;
    },
    troubled(subject) {
      if (inTrouble.size < TROUBLED) inTrouble.add(subject);
    },
    answered(isGood) {
      host.hasAnswered = true;
      host.isSilent = false;
      if (!isGood) return;
      good++;
      inTrouble.clear();
      isRefusing = false;
    },
    unreachable(before) {
      if (good === before) host.isSilent = true;
    },
    refused(before) {
      if (good === before) isRefusing = true;
    },
  };
}
