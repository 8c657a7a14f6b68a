/** Refusals that pass by themselves, and how long they ask to be left alone. RFC 9110 section 10.2.3 for Retry-After. */

const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 499, 500, 502, 503, 504, 522]);
/** The three forms of an HTTP date, all of them in Greenwich's time. */
const DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d/;

/** A registry that wants more patience than this many milliseconds is not waited for. */
export const LONGEST_WAIT = 300_000;

/** Whether asking again may help. */
export function isPassing(status: number): boolean {
  return PASSING.has(status);
}

/**
 * Milliseconds that a Retry-After asks for, as seconds or as a date (0 for one that is past); undefined where there is none
 * that can be read. `now` is the time of whoever wrote the date.
 */
export function retryAfter(header: string | null, now: number = Date.now()): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  const date = DATE.test(text) ? Date.parse(text.endsWith(" GMT") ? text : `${text} GMT`) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Milliseconds of patience that an answer asks for, by the clock of its server where it shows one. */
export function patienceOf({ headers }: Response): number | undefined {
  const date = Date.parse(headers.get("date") ?? "");
  return retryAfter(headers.get("retry-after"), Number.isNaN(date) ? Date.now() : date);
}
