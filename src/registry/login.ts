/** Whether a registry takes a login, found out before it is kept. */
import { AppError, RegistryError } from "../errors.ts";
import type { Call } from "../store/store.ts";
import { keptBackReason } from "./auth/hint.ts";
import type { Credential } from "./credentials/credential.ts";
import { openClient, type RegistryOptions } from "./registry.ts";
import { drain } from "./wire/drain.ts";

/** `unasked`: the registry answers whoever comes, so that nothing is known of the login. */
export type Verdict = "accepted" | "unasked";

/** What hints call the credentials. */
const ORIGIN = "this login";

/**
 * Greets the registry as somebody, with all that it wants of a login: Basic, or a token. Throws UNAUTHORIZED where it refuses,
 * DENIED where it wants the login sent to a server that must not see it, RATE_LIMITED, NETWORK for no answer.
 */
export async function verifyLogin(
  host: string,
  credential: Credential,
  { signal, ...options }: Omit<RegistryOptions, "credentials"> & Call = {},
): Promise<Verdict> {
  const what = `Cannot log in at "${host}"`;
  let isAsked = false;
  const client = openClient(host, {
    ...options,
    credentials: async () => {
      isAsked = true;
      return { credential, origin: ORIGIN, named: true };
    },
  });
  try {
    const response = await client.send(what, "GET", "/v2/", { scopes: [], signal });
    await drain(response);
    const reason = keptBackReason(response);
    if (reason !== undefined) throw new AppError("DENIED", `${what}: the login was not sent, since ${reason}`);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    // Some have nothing at /v2/ for those whom they let in.
    if (error.status === 404 && isAsked) return "accepted";
    // Whoever logs in is not told to log in.
    if (error.code === "RATE_LIMITED")
      throw new AppError("RATE_LIMITED", error.message, { cause: error, hint: "wait, and log in again" });
    throw error.code === "UNAUTHORIZED" || error.code === "DENIED" ? refused(what, error) : error;
  }
  return isAsked ? "accepted" : "unasked";
}

function refused(what: string, cause: RegistryError): AppError {
  const reason = cause.message.slice(cause.message.indexOf(": ") + 2);
  const isOurs = cause.hint === undefined || cause.hint.includes(ORIGIN) || cause.hint.includes("dray login");
  const hint = isOurs ? "check the user name and the password; some registries want a token in its place" : cause.hint;
  return new AppError("UNAUTHORIZED", `${what}: ${reason}`, { cause, hint });
}
