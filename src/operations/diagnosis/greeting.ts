/** Whether what answers is a registry: its API's root, and its clock. OCI distribution-spec v1.1 "Determining Support". */
import { collect, decode } from "../../bytes/stream.ts";
import { clean } from "../../bytes/text.ts";
import { drain } from "../../registry/wire/drain.ts";
import { bodyOf } from "../../registry/wire/reading.ts";
import { about, ask, type Examination, reasonOf } from "./examination.ts";
import type { Finding } from "./finding.ts";

/** Seconds that two clocks may be apart before tokens and certificates are in doubt. */
const SLACK = 60;
/** Bytes of a web page that are looked at. */
const PAGE_LIMIT = 64 << 10;

export interface Greeting {
  /** It may be asked more. */
  readonly isRegistry: boolean;
  readonly response: Response;
}

/** Greets the registry. Throws where nobody answers, and where the credentials are wrong. */
export async function* examineGreeting(examination: Examination): AsyncGenerator<Finding, Greeting> {
  const { client, journal } = examination;
  const started = performance.now();
  const response = await ask(examination, "none", "GET", "/v2/");
  const milliseconds = Math.round(performance.now() - started);
  const origin = await client.origin(about(client), examination);
  yield { check: "connection", state: "ok", said: `answers at ${origin} (${milliseconds} ms)` };
  yield examineClock(response.headers.get("date"));
  const protocol = await describeProtocol(examination, response, journal.at(-1)?.url.host);
  yield protocol;
  return { isRegistry: protocol.state !== "failed", response };
}

function examineClock(date: string | null): Finding {
  const check = "clock";
  const there = Date.parse(date ?? "");
  if (Number.isNaN(there)) return { check, state: "skipped", said: "the registry does not tell its time" };
  const apart = Math.round((Date.now() - there) / 1000);
  if (Math.abs(apart) <= SLACK) return { check, state: "ok", said: "this machine and the registry agree" };
  const how = `${Math.abs(apart)} s ${apart > 0 ? "ahead of" : "behind"}`;
  return {
    check,
    state: "warning",
    said: `this machine is ${how} the registry: certificates and tokens may be refused`,
    advice: "set the clock, by NTP",
  };
}

async function describeProtocol(
  examination: Examination,
  response: Response,
  asked: string | undefined,
): Promise<Finding> {
  const check = "protocol";
  const { status, headers } = response;
  const isPage = /^(?:text\/html|application\/xhtml)/i.test(headers.get("content-type") ?? "");
  if (isPage && status !== 401 && !headers.has("docker-distribution-api-version")) {
    const title = await titleOf(response);
    const said = `a web page answers at ${asked} (${status}${title === "" ? "" : `, "${title}"`}), and no registry`;
    const wantsUs = /ssl certificate/i.test(title);
    const advice = wantsUs ? `put its .cert and .key for us into a folder certs.d/${examination.client.host}` : PATHS;
    return { check, state: "failed", said, advice };
  }
  if (response.ok) {
    await drain(response);
    return { check, state: "ok", said: "speaks the OCI distribution API" };
  }
  const said = await reasonOf(examination, response);
  if (status === 401) return { check, state: "ok", said: "speaks the OCI distribution API, to those whom it knows" };
  if (status === 429)
    return { check, state: "failed", said, advice: "wait, or log in: more is allowed to whom it knows" };
  if (status >= 500 && status !== 501)
    return { check, state: "failed", said, advice: "the registry is ill: see its log" };
  return { check, state: "warning", said: `/v2/: ${said}`, advice: PATHS };
}

/** "" where there is none. Never throws. */
async function titleOf(response: Response): Promise<string> {
  const bytes = await collect(bodyOf(response), PAGE_LIMIT).catch(() => undefined);
  const [, title = ""] = /<title[^>]*>([^<]*)/i.exec(bytes ? decode(bytes) : "") ?? [];
  return clean(title, 100);
}

const PATHS =
  "check host and port: a registry has /v2/ at its root, and one below a path needs a host or a port of its own";
