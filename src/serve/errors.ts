/** Refusals in the words of the protocol. OCI distribution-spec v1.1 "Error Codes". */
import { encode } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";

export type ProtocolCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "PAGINATION_NUMBER_INVALID"
  | "SIZE_INVALID"
  | "UNSUPPORTED"
  | "UNKNOWN";

/** A request that is answered with no: thrown by whoever finds out, turned into a response by the handler. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly code: ProtocolCode;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: ProtocolCode,
    message: string,
    options: { detail?: unknown; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.detail = options.detail;
    this.headers = options.headers ?? {};
  }
}

/** The response for whatever was thrown. What went wrong inside is not told in full: it may name our files. */
export function errorResponse(thrown: unknown): Response {
  if (thrown instanceof Refusal) {
    const { status, code, message, detail, headers } = thrown;
    return jsonResponse({ errors: [{ code, message, detail }] }, { status, headers });
  }
  const message = thrown instanceof AppError ? reasonOf(thrown) : "internal error";
  return jsonResponse({ errors: [{ code: "UNKNOWN", message }] }, { status: 500 });
}

/** JSON with its length. */
export function jsonResponse(
  value: unknown,
  options: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): Response {
  const bytes = encode(JSON.stringify(value));
  const headers = {
    "content-type": "application/json",
    "content-length": String(bytes.length),
    ...options.headers,
  };
  return new Response(bytes, { status: options.status ?? 200, headers });
}
