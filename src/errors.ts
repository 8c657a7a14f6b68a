/** The errors that a caller may read: a code, one line for the user, a hint for what to do next. */

/** What went wrong, in classes that callers and exit codes tell apart. */
export type ErrorCode =
  /** flags, lists or names that cannot be understood; said before any work starts */
  | "USAGE"
  /** an image, tag, blob or file that is not there */
  | "NOT_FOUND"
  /** something that Dray, or the other side, does not do */
  | "UNSUPPORTED"
  /** the registry wants (other) credentials */
  | "UNAUTHORIZED"
  /** the registry knows us, or refuses to, and says no */
  | "DENIED"
  /** the registry asked us to slow down for longer than we wait */
  | "RATE_LIMITED"
  /** no usable answer, after all retries */
  | "NETWORK"
  /** bytes that are not what their digest or size says */
  | "INTEGRITY"
  /** a disk that is full, a folder that cannot be written, a lock that is held */
  | "STORAGE"
  /** a signal ended the run */
  | "CANCELLED";

export interface AppErrorOptions {
  readonly cause?: unknown;
  /** What the user can do next; shown on a line of its own. */
  readonly hint?: string | undefined;
}

/** An error that is meant to be read: the message is `Cannot <verb> "<thing>": <reason>`, without a period. */
export class AppError extends Error {
  override readonly name: string = "AppError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** Bytes whose size or digest is not the promised one. */
export class IntegrityError extends AppError {
  override readonly name = "IntegrityError";
  readonly expected: string;
  readonly actual: string;

  constructor(message: string, options: AppErrorOptions & { expected: string; actual: string }) {
    super("INTEGRITY", message, options);
    this.expected = options.expected;
    this.actual = options.actual;
  }
}

/** An answer of a registry that is not the one we asked for. */
export class RegistryError extends AppError {
  override readonly name = "RegistryError";
  readonly method: string;
  /** Without user info and secrets. */
  readonly url: string;
  readonly status: number;
  /** The error codes of the body, as the registry spelt them, such as `MANIFEST_UNKNOWN`. */
  readonly errors: readonly string[];
  /** Milliseconds for which the registry does not want to be asked again, where it said so. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: AppErrorOptions & {
      method: string;
      url: string;
      status: number;
      errors?: readonly string[];
      retryAfter?: number | undefined;
    },
  ) {
    super(code, message, options);
    this.method = options.method;
    this.url = options.url;
    this.status = options.status;
    this.errors = options.errors ?? [];
    this.retryAfter = options.retryAfter;
  }
}

/** Whatever was thrown as an AppError: itself, or a new one of `code` whose message ends with the reason. */
export function asAppError(thrown: unknown, code: ErrorCode, what: string): AppError {
  if (thrown instanceof AppError) return thrown;
  return new AppError(code, `${what}: ${reasonOf(thrown)}`, { cause: thrown });
}

/** The one-line reason inside any thrown value. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return reasonOf(thrown.errors[0]);
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  const [line = text] = text.split("\n", 1);
  // `ENOENT: no such file or directory, open 'x'`: what was to be done to x is said around it.
  const { syscall } = Object(thrown) as { syscall?: unknown };
  return typeof syscall === "string" ? line.replace(/^E[A-Z0-9]+: /, "").replace(/, [a-z]+(?: '.*)?$/, "") : line;
}
