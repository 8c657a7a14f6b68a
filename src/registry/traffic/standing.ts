/** Whether one host answers, as far as the run has seen. */

/** Why a host gets one try only: nobody answered any try of a request, or it refused all, and nothing else got through. */
type GivenUp = "silent" | "refusing";

export interface Standing {
  /** Requests get one try, until an answer shows that the host is back. */
  readonly isGivenUp: boolean;
  /** It has answered, whatever it said. */
  readonly hasAnswered: boolean;
  /** Answers so far that were not refused in passing. */
  readonly good: number;
  /** Several requests in a row, each another one, ended in trouble of the host's own, and none well. */
  readonly isTroubled: boolean;
  /** A request, `GET https://...`, ended in trouble of the host's own: 500, 502 or 504. */
  troubled(request: string): void;
  /** The host answered; `isGood`: not with a status that passes. */
  answered(isGood: boolean): void;
  /** All tries of a request found nobody there, since there were `good` good answers. */
  unreachable(good: number): void;
  /** All tries of a request were refused in passing, since there were `good` good answers. */
  refused(good: number): void;
}

/** Different requests in trouble that are more than chance. */
const TROUBLED = 3;

/** A host that nothing is known of. */
export function createStanding(): Standing {
  let givenUp: GivenUp | undefined;
  let hasAnswered = false;
  let good = 0;
  const inTrouble = new Set<string>();
  return {
    get isGivenUp() {
      return givenUp !== undefined;
    },
    get hasAnswered() {
      return hasAnswered;
    },
    get good() {
      return good;
    },
    get isTroubled() {
      return inTrouble.size === TROUBLED;
    },
    troubled(request) {
      if (inTrouble.size < TROUBLED) inTrouble.add(request);
    },
    answered(isGood) {
      hasAnswered = true;
      if (isGood) {
        good++;
        inTrouble.clear();
      }
      if (isGood || givenUp === "silent") givenUp = undefined;
    },
    unreachable(before) {
      if (good === before) givenUp = "silent";
    },
    refused(before) {
      if (good === before) givenUp = "refusing";
    },
  };
}
