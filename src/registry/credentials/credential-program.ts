/** The programs that keep credentials for docker and podman: `docker-credential-<name>`. docker-credential-helpers protocol. */
import { type ChildProcess, spawn } from "node:child_process";
import { createFlights } from "../../bytes/flight.ts";
import { AppError } from "../../errors.ts";
import type { Call } from "../../store/store.ts";
import { isUsername } from "./auth-file.ts";
import type { Credential, LookUp } from "./credential.ts";

/** Bytes of an answer. Tokens of clouds have a few thousand. */
const ANSWER_LIMIT = 64 << 10;

/**
 * Each method throws NOT_FOUND where there is no such program, and UNAUTHORIZED where it fails, says nonsense, or takes
 * longer than its time. What programs say is never shown: it may be a secret.
 */
export interface CredentialPrograms {
  /** What the program `name` has for a server; undefined where it has nothing. Asked once for each, unless `renew` is set. */
  get(name: string, server: string, options?: LookUp): Promise<Credential | undefined>;
  store(name: string, server: string, credential: Credential, options?: Call): Promise<void>;
  /** Nothing happens where it has nothing. */
  erase(name: string, server: string, options?: Call): Promise<void>;
  /** The servers it has something for; empty for a program that does not tell. */
  list(name: string, options?: Call): Promise<readonly string[]>;
}

/** An answer, or the failure: a program that cannot answer is not started for each image anew. */
type Outcome = { readonly credential: Credential | undefined } | { readonly error: AppError };

export interface ProgramOptions {
  /** Milliseconds that one may take. Default 30,000. */
  readonly limit?: number | undefined;
  /** Their environment, with the PATH that they are on. Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** The programs on the PATH. Nothing is started before it is wanted. */
export function createCredentialPrograms({ limit = 30_000, env }: ProgramOptions = {}): CredentialPrograms {
  const terms = { limit, env };
  const outcomes = new Map<string, Outcome>();
  const flights = createFlights<Outcome>();
  return {
    async get(name, server, { renew = false, signal } = {}) {
      const key = `${name} ${server}`;
      let outcome = renew ? undefined : outcomes.get(key);
      if (!outcome) {
        outcome = await flights(key, signal, () => ask(name, server, { ...terms, signal }));
        outcomes.set(key, outcome);
      }
      if ("error" in outcome) throw outcome.error;
      return outcome.credential;
    },
    async store(name, server, { username, password, identityToken }, { signal } = {}) {
      const what = `Cannot store credentials for "${server}"`;
      const pair = { Username: identityToken ? "<token>" : username, Secret: identityToken ?? password };
      const { code } = await run(what, name, "store", JSON.stringify({ ServerURL: server, ...pair }), {
        ...terms,
        signal,
      });
      if (code !== 0) throw failed(what, name, `ended with code ${code}`);
      outcomes.delete(`${name} ${server}`);
    },
    async erase(name, server, { signal } = {}) {
      const what = `Cannot erase credentials of "${server}"`;
      const { code, text } = await run(what, name, "erase", server, { ...terms, signal });
      if (code !== 0 && !isNothing(text)) throw failed(what, name, `ended with code ${code}`);
      outcomes.delete(`${name} ${server}`);
    },
    async list(name, { signal } = {}) {
      const { code, text } = await run("Cannot list credentials", name, "list", "", { ...terms, signal });
      const json = code === 0 ? parse(text) : undefined;
      return Object.keys(json ?? {});
    },
  };
}

type Terms = ProgramOptions & Call & { readonly limit: number };

async function ask(name: string, server: string, terms: Terms): Promise<Outcome> {
  const what = `Cannot get credentials for "${server}"`;
  try {
    const { code, text } = await run(what, name, "get", server, terms);
    if (code !== 0 && isNothing(text)) return { credential: undefined };
    if (code !== 0) throw failed(what, name, `ended with code ${code}`, hintFor(name, server));
    const { Username: username, Secret: secret } = parse(text) ?? {};
    if (typeof username !== "string" || typeof secret !== "string")
      throw failed(what, name, "did not answer as such programs do", hintFor(name, server));
    if (secret === "") return { credential: undefined };
    if (username === "<token>") return { credential: { username, password: "", identityToken: secret } };
    if (!isUsername(username)) throw failed(what, name, "answered with a user name that is none");
    return { credential: { username, password: secret } };
  } catch (error) {
    terms.signal?.throwIfAborted();
    if (error instanceof AppError) return { error };
    throw error;
  }
}

function hintFor(name: string, server: string): string {
  return `to see what it says: echo ${server} | ${programOf(name)} get`;
}

/** Failures are told on standard output, in words that all these programs share. */
function isNothing(text: string): boolean {
  return /credentials not found/i.test(text);
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The program that a file means by `name`. */
export function programOf(name: string): string {
  return `docker-credential-${name}`;
}

function failed(what: string, name: string, reason: string, hint?: string): AppError {
  return new AppError("UNAUTHORIZED", `${what}: ${programOf(name)} ${reason}`, { hint });
}

/** Runs it to its end, without a shell. Secrets go through its standard input and output only. */
async function run(
  what: string,
  name: string,
  command: string,
  input: string,
  { limit, env, signal }: Terms,
): Promise<{ code: number | null; text: string }> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number | null; text: string }>();
  const stop = (): void => reject(signal?.reason);
  const timer = setTimeout(() => reject(failed(what, name, `took longer than ${limit / 1000} s`)), limit);
  signal?.addEventListener("abort", stop, { once: true });
  let child: ChildProcess | undefined;
  try {
    child = start(name, command, input, env);
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.length > ANSWER_LIMIT) reject(failed(what, name, `said more than ${ANSWER_LIMIT} bytes`));
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, text }));
    return await promise;
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof AppError ? error : cannotStart(what, name, error);
  } finally {
    // Closing our end as well: what it started itself may hold the other.
    if (child?.exitCode === null && child.kill("SIGKILL")) child.stdout?.destroy();
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

function start(name: string, command: string, input: string, env: ProgramOptions["env"]): ChildProcess {
  const settings = { windowsHide: true, ...(env && { env: { ...env } }) };
  const child = spawn(programOf(name), [command], { stdio: ["pipe", "pipe", "ignore"], ...settings });
  child.stdin?.on("error", () => {}); // it may end without having read it
  child.stdin?.end(input);
  return child;
}

function cannotStart(what: string, name: string, cause: unknown): AppError {
  const isAbsent = (cause as NodeJS.ErrnoException).code === "ENOENT";
  const reason = isAbsent ? `there is no program ${programOf(name)}` : `${programOf(name)} cannot be run`;
  return new AppError(isAbsent ? "NOT_FOUND" : "UNAUTHORIZED", `${what}: ${reason}`, {
    cause,
    hint: `install ${programOf(name)}, or use a file of logins that does not name it: --authfile FILE`,
  });
}
