/** Runs the doctor on a test's registry, and tells what it found and what it left there. */
import { afterEach, expect } from "bun:test";
import { diagnose, type Patient } from "../../src/operations/diagnose.ts";
import type { Finding } from "../../src/operations/diagnosis/finding.ts";
import type { RegistryOptions } from "../../src/registry/registry.ts";
import { type FaultRule, withFaults } from "./faults.ts";
import { pushTo } from "./push.ts";
import { multiPlatform } from "./random-image.ts";
import { type Handler, startRegistry, type TestRegistry, type TestRegistryOptions } from "./registry.ts";

const APP = multiPlatform(["linux/amd64", "linux/arm64"]);
export const ME: RegistryOptions["credentials"] = async () => ({
  credential: { username: "me", password: "right" },
  origin: "a test",
  named: true,
});

/** What the tests of a file start, closed after each of them. */
export interface Ward {
  /** A registry that has `team/app:v1`. */
  start(options?: TestRegistryOptions): Promise<TestRegistry>;
  /** Closes something else as well. */
  keep(one: AsyncDisposable): void;
}

/** To be called once, at the top of a file of tests. */
export function openWard(): Ward {
  const open: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
  });
  return {
    async start(options = {}) {
      const registry = await startRegistry(undefined, options);
      open.push(registry);
      await pushTo(registry.store.repository("team/app"), APP, "v1");
      return registry;
    },
    keep: (one) => void open.push(one),
  };
}

export function faulty(...rules: readonly FaultRule[]): TestRegistryOptions {
  return { wrap: (handler) => withFaults(handler, rules) };
}

export interface Asked extends Omit<Partial<Patient>, "host"> {
  readonly readOnly?: boolean;
  readonly signal?: AbortSignal;
  readonly onFinding?: (finding: Finding) => void;
}

/** Each finding by its check. */
export async function examine(host: string, asked: Asked = {}): Promise<Map<string, Finding>> {
  const { readOnly = false, signal, onFinding = () => {}, ...patient } = asked;
  const found = new Map<string, Finding>();
  for await (const finding of diagnose({ host, options: {}, path: "team/app", ...patient }, { readOnly, signal })) {
    expect(found.has(finding.check)).toBe(false);
    found.set(finding.check, finding);
    onFinding(finding);
  }
  return found;
}

/** `ok push` */
export function states(found: ReadonlyMap<string, Finding>): string[] {
  return [...found.values()].map(({ check, state }) => `${state} ${check}`);
}

/** Makes of a registry one that also says that it removes. */
export function withRemoval(handler: Handler): Handler {
  return async (request) => {
    const isContent = request.method === "DELETE" && !request.url.includes("/uploads/");
    return isContent ? new Response(null, { status: 202 }) : handler(request);
  };
}

/** Digests that were written, by what was asked. */
export function written({ requests }: TestRegistry): string[] {
  const puts = requests.filter(({ method }) => method === "PUT").map(({ path }) => /sha256:[0-9a-f]+/.exec(path)![0]);
  return [...new Set(puts)].sort();
}

/** Digests that were written and not removed since. */
export function left({ requests }: TestRegistry): string[] {
  const digests = new Set<string>();
  for (const { method, path } of requests) {
    const [digest] = /sha256:[0-9a-f]+/.exec(path) ?? [];
    if (digest && method === "PUT") digests.add(digest);
    if (digest && method === "DELETE") digests.delete(digest);
  }
  return [...digests];
}

/** Uploads that were begun and neither ended nor given up. */
export function unfinished({ requests }: TestRegistry): number {
  const begun = requests.filter(({ method, status }) => method === "POST" && status === 202).length;
  const ended = requests.filter(
    ({ method, path, status }) =>
      path.includes("/blobs/uploads/") &&
      ((method === "PUT" && status === 201) || (method === "DELETE" && status < 300)),
  ).length;
  return begun - ended;
}

/** Answers requests that match; else the registry does. */
export function answering(
  answer: (request: Request, path: string) => Response | undefined | Promise<Response | undefined>,
): TestRegistryOptions {
  return {
    wrap: (handler: Handler) => async (request) => {
      const { pathname, search } = new URL(request.url);
      return (await answer(request, pathname + search)) ?? handler(request);
    },
  };
}

export function refusal(status: number, code: string, message = "no"): Response {
  return Response.json({ errors: [{ code, message }] }, { status });
}
