/** Mistakes in our own programs, told apart from the network's failures, which come as TypeErrors too. */

/** Errors that the runtime threw for the network's sake. */
const fromNetwork = new WeakSet<Error>();

/** The same error, remembered as one of the network: fetch throws TypeErrors, and so do programs with a mistake in them. */
export function ofNetwork<T>(error: T): T {
  if (error instanceof Error) fromNetwork.add(error);
  return error;
}

/** Whether it is a mistake in a program, ours, that threw: asking again would only make it again, and hide it. */
export function isMistake(error: unknown): boolean {
  if (!(error instanceof Error) || fromNetwork.has(error) || "code" in error) return false;
  return MISTAKES.some((kind) => error instanceof kind);
}

const MISTAKES = [TypeError, ReferenceError, RangeError, SyntaxError];
