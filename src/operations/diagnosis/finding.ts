/** What the doctor has to say about one thing. */

export type State =
  /** as a run wants it */
  | "ok"
  /** worth knowing; a run works around it */
  | "note"
  /** some runs will trip over it */
  | "warning"
  /** a run will fail */
  | "failed"
  /** could not be asked */
  | "skipped";

export interface Finding {
  /** What was looked at, in a word or two: `mount`. */
  readonly check: string;
  readonly state: State;
  /** What was seen, and what it means. */
  readonly said: string;
  /** What to do about it. */
  readonly advice?: string | undefined;
}
