/** What work fails with, for tests that look at the error itself. */
import { AppError } from "../../src/errors.ts";

/** The error that `work` throws or rejects with. */
export async function thrownBy(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

/** The same, where it must be one of ours: `CODE: message`, so that one comparison says both. */
export async function errorOf(work: () => unknown): Promise<string> {
  const error = await thrownBy(work);
  if (!(error instanceof AppError)) throw error;
  return `${error.code}: ${error.message}`;
}
