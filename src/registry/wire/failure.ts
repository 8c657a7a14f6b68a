/** Answers that are refusals, as errors for people. OCI distribution-spec v1.1 "Error Codes". */
import { collect } from "../../bytes/stream.ts";
import { clean } from "../../bytes/text.ts";
import { AppError, type ErrorCode, RegistryError } from "../../errors.ts";
import { networkReason, troubleOf } from "./network.ts";
import { redact } from "./redact.ts";
import { bodyOf } from "./stall.ts";

const BODY_LIMIT = 64 << 10;
/** Errors of one answer that are shown. */
const MOST = 3;

export interface FailureContext {
  readonly method: string;
  readonly url: string;
  /** What to do where credentials are missing or refused. */
  readonly hint?: string | undefined;
}

/** A refusal as an error: `what` (`Cannot read "..."`) and the registry's own words. Reads at most 64 KiB of the body. */
export async function registryError(
  what: string,
  response: Response,
  { method, url, hint }: FailureContext,
): Promise<RegistryError> {
  const { status } = response;
  const errors = parseErrors(await textOf(response));
  const words = errors.slice(0, MOST).map(({ code, message }) => (message ? `${code} (${message})` : code));
  const reason = words.length > 0 ? `the registry says ${words.join(", ")}` : `the registry answered ${status}`;
  const codes = errors.map(({ code }) => code);
  const code = codeOf(status, codes);
  return new RegistryError(code, `${what}: ${reason}`, {
    method,
    url: redact(url),
    status,
    errors: codes,
    hint: hintOf(code, hint),
  });
}

function codeOf(status: number, errors: readonly string[]): ErrorCode {
  if (status === 429 || errors.includes("TOOMANYREQUESTS")) return "RATE_LIMITED";
  if (status === 401 || errors.includes("UNAUTHORIZED")) return "UNAUTHORIZED";
  if (status === 403 || errors.includes("DENIED")) return "DENIED";
  if (status === 404) return "NOT_FOUND";
  return status >= 500 && status !== 501 ? "NETWORK" : "UNSUPPORTED";
}

function hintOf(code: ErrorCode, hint: string | undefined): string | undefined {
  if (code === "UNAUTHORIZED")
    return hint ?? "check the name; if it is right, log in with docker login or podman login";
  if (code === "DENIED") return hint ?? "these credentials, if any, may not do this: log in as somebody who may";
  if (code === "RATE_LIMITED") return "wait, or log in: registries allow more to whom they know";
  return undefined;
}

/** A network failure as an error. */
export function networkError(what: string, host: string, error: unknown): AppError {
  const trouble = troubleOf(error);
  const hints: Partial<Record<typeof trouble, string>> = {
    certificate: "install its certificate authority, or use --tls-verify=false",
    "not-tls": "use --tls-verify=false for a registry that speaks plain http",
    unreachable: "check the name and the network",
  };
  const reason = clean(networkReason(error), 300);
  return new AppError("NETWORK", `${what}: cannot talk to "${host}": ${reason}`, {
    cause: error,
    hint: hints[trouble],
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
  return typeof said === "string" ? [{ code: "UNKNOWN", message: clean(said, 300) }] : [];
}

function parseOne(value: unknown): { code: string; message: string }[] {
  if (typeof value !== "object" || value === null) return [];
  const { code, message } = value as Record<string, unknown>;
  const words = typeof message === "string" ? clean(message, 300) : "";
  if (typeof code === "string" && code !== "") return [{ code: clean(code, 64), message: words }];
  return words === "" ? [] : [{ code: "UNKNOWN", message: words }];
}
