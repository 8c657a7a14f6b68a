/** Answers that are refusals, as errors for people. OCI distribution-spec v1.1 "Error Codes". */
import { collect } from "../../bytes/stream.ts";
import { clean } from "../../bytes/text.ts";
import { AppError, type ErrorCode, RegistryError } from "../../errors.ts";
import { pageTitle } from "./page.ts";
import { isPassing, patienceOf } from "./passing.ts";
import { bodyOf } from "./reading.ts";
import { redact, redactError, redactText } from "./redact.ts";
import { clientCertificateHint, networkHint, networkReason } from "./trouble.ts";

const BODY_LIMIT = 64 << 10;
/** nginx, which asks for a client certificate and goes on without it. */
const NO_CERTIFICATE = /No required SSL certificate was sent|The SSL certificate error/;
/** Errors of one answer that are shown. */
const MOST = 3;

export interface FailureContext {
  readonly method: string;
  readonly url: string;
  /** What to do where credentials are missing or refused. */
  readonly hint?: string | undefined;
  /** Default: what status and body say. */
  readonly code?: ErrorCode | undefined;
}

/** A refusal as an error: `what` (`Cannot read "..."`) and the registry's own words. Reads at most 64 KiB of the body. */
export async function registryError(
  what: string,
  response: Response,
  { method, url, hint, code: known }: FailureContext,
): Promise<RegistryError> {
  const { status } = response;
  const text = await textOf(response);
  const errors = parseErrors(text);
  const words = errors.slice(0, MOST).map(({ code, message }) => (message ? `${code} (${message})` : code));
  const reason = words.length > 0 ? `the registry says ${words.join(", ")}` : answered(response, text);
  const codes = errors.map(({ code }) => code);
  const code = known ?? codeOf(status, codes);
  const wantsCertificate = status === 400 && NO_CERTIFICATE.test(text);
  const retryAfter = isPassing(status) ? patienceOf(response) : undefined;
  return new RegistryError(code, `${what}: ${reason}${untilWhen(retryAfter)}`, {
    method,
    url: redact(url),
    status,
    errors: codes,
    retryAfter,
    hint: wantsCertificate ? clientCertificateHint(new URL(url).host) : (hintOf(code, hint) ?? hintFor(method, status)),
  });
}

/** When a registry that asked for patience may be asked again: minutes are told, hours matter. */
function untilWhen(patience: number | undefined): string {
  const time = Date.now() + (patience ?? Number.NaN);
  if (!patience || Number.isNaN(new Date(time).getTime())) return "";
  return `; it does not want to be asked before ${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function codeOf(status: number, errors: readonly string[]): ErrorCode {
  if (status === 429 || errors.includes("TOOMANYREQUESTS")) return "RATE_LIMITED";
  if (status === 401 || errors.includes("UNAUTHORIZED")) return "UNAUTHORIZED";
  if (status === 403 || errors.includes("DENIED")) return "DENIED";
  if (status === 404) return "NOT_FOUND";
  return status >= 500 && status !== 501 ? "NETWORK" : "UNSUPPORTED";
}

function hintOf(code: ErrorCode, hint: string | undefined): string | undefined {
  if (code === "UNAUTHORIZED") return hint ?? "check the name; if it is right, log in with dray login";
  if (code === "DENIED")
    return hint ?? "these credentials, if any, may not do this: log in as somebody who may, with dray login";
  if (code === "RATE_LIMITED") return "wait, or log in: registries allow more to whom they know";
  return undefined;
}

/** What a refusal asks for whose words are about something else. */
function hintFor(method: string, status: number): string | undefined {
  if (status === 404 && !["GET", "HEAD"].includes(method))
    return "some registries want the repository, or the project above it, created first: look for it there, and check the name";
  if (status === 413) return "raise the limit for the size of a request, at the registry or at the proxy before it";
  if (status >= 500 && status !== 501)
    return "it is the registry's own trouble: try again later, or ask whoever runs it";
  return undefined;
}

/** A network failure as an error. */
export function networkError(what: string, host: string, error: unknown): AppError {
  redactError(error);
  const reason = clean(networkReason(error), 300);
  return new AppError("NETWORK", `${what}: cannot talk to "${host}": ${reason}`, {
    cause: error,
    hint: networkHint(error, host),
  });
}

async function textOf(response: Response): Promise<string> {
  try {
    const bytes = await collect(bodyOf(response), BODY_LIMIT);
    return bytes ? new TextDecoder().decode(bytes) : "";
  } catch {
    return "";
  }
}

/** An answer whose words are not a registry's: those of a proxy before it, or of something else altogether. */
function answered({ status, headers }: Response, text: string): string {
  const title = pageTitle(text);
  if (title !== undefined) return `the registry answered ${status} with a web page, "${title}"`;
  const isPlain = /^text\/plain\b/i.test(headers.get("content-type") ?? "");
  const line = isPlain ? clean(redactText(text.trim().split("\n", 1)[0]!), 200) : "";
  return line === "" ? `the registry answered ${status}` : `the registry answered ${status}, "${line}"`;
}

function parseErrors(text: string): { code: string; message: string }[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return [];
  }
  const { errors, details, message, error } = (json ?? {}) as Record<string, unknown>;
  if (Array.isArray(errors)) return errors.flatMap(parseOne);
  // Token servers are less strict about the form.
  const said = details ?? message ?? error;
  return typeof said === "string" ? [{ code: "UNKNOWN", message: clean(redactText(said), 300) }] : [];
}

function parseOne(value: unknown): { code: string; message: string }[] {
  if (typeof value !== "object" || value === null) return [];
  const { code, message, detail } = value as Record<string, unknown>;
  const words = withDigest(typeof message === "string" ? clean(redactText(message), 300) : "", detail);
  if (typeof code === "string" && code !== "") return [{ code: clean(code, 64), message: words }];
  return words === "" ? [] : [{ code: "UNKNOWN", message: words }];
}

/** Which blob or child it is about stands in the detail, in one form or another. */
function withDigest(words: string, detail: unknown): string {
  const [digest] = /sha(?:256|512):[0-9a-f]{64,128}/.exec(JSON.stringify(detail) ?? "") ?? [];
  if (digest === undefined || words.includes(digest)) return words;
  return words === "" ? digest : `${words}: ${digest}`;
}
