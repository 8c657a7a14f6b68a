/** `dray auth`: which login would be used for an image or registry, and where it comes from. */
import { defineCommand } from "citty";
import { clean } from "../../bytes/text.ts";
import { AppError } from "../../errors.ts";
import type { Credential, Login } from "../../registry/credentials/credential.ts";
import { createKeychain, type LoginSource } from "../../registry/credentials/keychain.ts";
import type { RegistryKey } from "../../registry/credentials/registry-key.ts";
import type { Call } from "../../store/store.ts";
import { action, EXIT } from "../action.ts";
import { globalArgs, registryArgs } from "../args.ts";
import { openLogins, type SideName } from "../credentials.ts";
import { destinationRegistry, sourceRegistry } from "../environment.ts";
import type { Examples } from "../help.ts";
import { formatSubject, parseSubject } from "../registry-argument.ts";
import { formatTable } from "../table.ts";

const args = {
  "reference...": {
    type: "positional",
    required: false,
    description: "Images or registries; default: all known logins",
  },
  authfile: registryArgs.authfile,
  json: { type: "boolean", description: "Print a JSON array" },
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["Every login there is", "dray auth"],
  ["Who a run would be for an image", "dray auth quay.io/team/app:1.0"],
  ["For a script", "dray auth --json ghcr.io docker.io"],
];

/** What is known of one name. Never a secret. */
interface Row {
  readonly name: string;
  readonly registry: string;
  /** The side that it is for, where the other has another. */
  readonly side?: SideName | undefined;
  readonly username: string | null;
  readonly kind: "password" | "identity token" | "registry token" | null;
  /** Whether it may go over plain http, where a registry speaks nothing else and TLS need not be verified. */
  readonly http: boolean;
  readonly origin: string | null;
}

export default defineCommand({
  meta: { name: "auth", description: "Say which login is used where, and where it comes from" },
  args,
  run: action("auth", args, async (flags, { signal, log }) => {
    const subjects = flags["reference..."].map(parseSubject);
    const logins = await openLogins(flags, {
      about: "source",
      source: { prefix: sourceRegistry(undefined) },
      destination: { prefix: destinationRegistry(undefined) },
      isInputTaken: true,
      env: process.env,
      onWarning: log.warn,
      signal,
    });
    const rows: Row[] = [];
    let isWhole = true;
    const work = subjects.length > 0 ? used(subjects, logins, { signal }) : await known(logins, { signal });
    for (const row of work)
      try {
        rows.push(...(await row()));
      } catch (error) {
        if (!(error instanceof AppError) || signal.aborted) throw error;
        log.error(error.message);
        if (error.hint) log.error(`hint: ${error.hint}`);
        isWhole = false;
      }
    if (flags.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    else if (rows.length > 0) process.stdout.write(table(rows));
    else if (isWhole) log.info("there are no logins");
    return isWhole ? EXIT.done : EXIT.failed;
  }),
});

type Logins = Readonly<Record<SideName, readonly LoginSource[]>>;

/** What runs would use for names: one row for each, or two where the sides differ. */
function used(subjects: readonly RegistryKey[], { source, destination }: Logins, call: Call): (() => Promise<Row[]>)[] {
  const asSource = createKeychain(source);
  const asDestination = createKeychain(destination);
  return subjects.map((subject) => async () => {
    const from = await asSource(subject.host, subject.path, call);
    const to = await asDestination(subject.host, subject.path, call);
    if (from?.origin === to?.origin) return [describe(subject, from)];
    return [describe(subject, from, "source"), describe(subject, to, "destination")];
  });
}

/** What each source has, in the order in which they are asked. */
async function known({ source, destination }: Logins, call: Call): Promise<(() => Promise<Row[]>)[]> {
  const sources = new Set([...source.filter((one) => !destination.includes(one)), ...destination]);
  const work: (() => Promise<Row[]>)[] = [];
  for (const { find, registries } of sources)
    for (const registry of await registries(call))
      work.push(async () => {
        const login = await find(registry.host, registry.path, call);
        return login ? [describe(registry, login)] : [];
      });
  return work;
}

function describe(subject: RegistryKey, login: Login | undefined, side?: SideName): Row {
  return {
    name: formatSubject(subject),
    registry: subject.host,
    ...(side && { side }),
    username: login ? clean(login.credential.username, 200) : null,
    kind: login ? kindOf(login.credential) : null,
    http: login?.named ?? false,
    origin: login?.origin ?? null,
  };
}

function kindOf({ identityToken, registryToken }: Credential): Row["kind"] {
  if (registryToken !== undefined) return "registry token";
  return identityToken === undefined ? "password" : "identity token";
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ name, side, username, kind, http, origin }) => [
    side ? `${name} (${side})` : name,
    username ?? "-",
    kind ?? "-",
    kind ? (http ? "yes" : "no") : "-",
    origin ?? "nobody",
  ]);
  return formatTable([["NAME", "USER", "KIND", "HTTP", "FROM"], ...lines]);
}
