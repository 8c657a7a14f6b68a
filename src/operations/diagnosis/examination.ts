/** What all checks of one registry share: how it is asked, what its answers say, and how long a check may take. */
import { either } from "../../bytes/signal.ts";
import type { Bytes } from "../../bytes/stream.ts";
import { AppError, asAppError } from "../../errors.ts";
import { apiHost, type Client } from "../../registry/client.ts";
import { drain } from "../../registry/wire/drain.ts";
import { registryError } from "../../registry/wire/failure.ts";
import { isPassing, patienceOf } from "../../registry/wire/passing.ts";
import type { Call } from "../../store/store.ts";
import type { Finding } from "./finding.ts";
import type { Seen } from "./journal.ts";

export interface Examination extends Call {
  readonly client: Client;
  /** The repository to look at. */
  readonly path: string;
  /** What was seen so far. */
  readonly journal: readonly Seen[];
}

/** Milliseconds that a group of checks may take. */
const LONGEST = 20_000;

const SILENCE = "check the port, and what is between: the connection was there, and then no answer came";

/** What a token must allow for a question. */
export type Actions = "none" | "pull" | "pull,push" | "pull,push,delete";

/** Every status is an answer here. */
const REFUSALS: readonly number[] = Array.from({ length: 200 }, (_, index) => 400 + index);

/** Asks the registry; every status is an answer. Throws where there is none, or where the credentials are wrong. */
export function ask(
  { client, path, signal }: Examination,
  actions: Actions,
  method: string,
  url: string,
  { headers, upload }: { headers?: Readonly<Record<string, string>>; upload?: Bytes } = {},
): Promise<Response> {
  const scopes = actions === "none" ? [] : [`repository:${path}:${actions}`];
  return client.send(about(client), method, url, { headers, upload, scopes, expect: REFUSALS, signal });
}

/** The same, where only status and headers matter. */
export async function askBriefly(...question: Parameters<typeof ask>): Promise<Response> {
  const response = await ask(...question);
  await drain(response);
  return response;
}

/** Why it was refused, in the registry's own words: `the registry says DENIED (...)`. Reads the body. */
export async function reasonOf({ client, journal }: Examination, response: Response): Promise<string> {
  const error = await registryError(about(client), response, { method: "GET", url: "" });
  const { headers } = journal.at(-1) ?? response;
  const patience = isPassing(response.status) ? patienceOf(new Response(null, { headers })) : undefined;
  const rest = patience ? `; it wants to be left alone for ${Math.ceil(patience / 1000)} s` : "";
  return `${withoutVerb(error.message)}${rest}`;
}

/**
 * Does `work` within 20 seconds. What it throws becomes the finding of `check`, and undefined is returned then. Rejects when
 * the examination itself is aborted.
 */
export async function* guarded<T>(
  check: string,
  examination: Examination,
  work: (examination: Examination) => AsyncGenerator<Finding, T>,
): AsyncGenerator<Finding, T | undefined> {
  const limit = AbortSignal.timeout(LONGEST);
  try {
    return yield* work({ ...examination, signal: either(examination.signal, limit) });
  } catch (error) {
    examination.signal?.throwIfAborted();
    if (limit.aborted) yield { check, state: "failed", said: `it was not done after ${LONGEST / 1000} s` };
    else yield failed(check, examination, error);
    return undefined;
  }
}

/** What is to be said of a check that ended with an error. */
export function failed(check: string, { client, journal }: Examination, error: unknown): Finding {
  const { message, hint } = asAppError(error, "NETWORK", about(client));
  const last = journal.at(-1);
  const isElsewhere = last?.status === 0 && last.url.hostname !== new URL(`https://${apiHost(client.host)}`).hostname;
  const where = isElsewhere && !message.includes(last.url.host) ? `, at ${last.url.host}` : "";
  const advice = hint ?? (last?.status === 0 ? SILENCE : undefined);
  return { check, state: "failed", said: `${withoutVerb(message)}${where}`, advice };
}

/** Whether an error says that we may not, or that we are not known. */
export function isRefusal(error: unknown): boolean {
  return error instanceof AppError && (error.code === "UNAUTHORIZED" || error.code === "DENIED");
}

/** How errors of a check begin. */
export function about({ host }: Client): string {
  return `Cannot examine "${host}"`;
}

/** `Cannot read "host/name": reason` as the reason alone: the check says what was tried. */
function withoutVerb(message: string): string {
  return message.replace(/^Cannot (?:[^":]|"[^"]*")*: /, "");
}
