/** `dray logout`: a login taken out of where `dray login` keeps it. */
import { defineCommand } from "citty";
import { AppError } from "../../errors.ts";
import { type CredentialPrograms, createCredentialPrograms } from "../../registry/credentials/credential-program.ts";
import { createKeychain } from "../../registry/credentials/keychain.ts";
import { eraseLogin, loginsIn } from "../../registry/credentials/login-file.ts";
import { action, EXIT } from "../action.ts";
import { globalArgs } from "../args.ts";
import { loginFile, storedLogins } from "../credential-files.ts";
import type { Examples } from "../help.ts";
import type { Log } from "../log.ts";
import { formatSubject, parseRegistry } from "../registry-argument.ts";

const args = {
  registry: { type: "positional", required: false, description: "Registry, as it was logged in to" },
  all: { type: "boolean", description: "Every login of the file" },
  authfile: {
    type: "string",
    valueHint: "FILE",
    description: "File that has it; default: REGISTRY_AUTH_FILE, else config.json of DOCKER_CONFIG or ~/.docker",
  },
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["From one registry", "dray logout ghcr.io"],
  ["From all of a file", "dray logout --all --authfile ./auth.json"],
];

export default defineCommand({
  meta: { name: "logout", description: "Forget the login of a registry" },
  args,
  run: action("logout", args, async (flags, { signal, log }) => {
    if (flags.all === (flags.registry !== undefined))
      throw new AppError("USAGE", "Cannot log out: give a registry, or --all", { hint: "dray auth lists the logins" });
    const path = loginFile(flags.authfile, process.env);
    const programs = createCredentialPrograms({ env: process.env });
    if (flags.registry === undefined) return eraseAll(path, programs, log, signal);
    const registry = parseRegistry(flags.registry);
    const name = formatSubject(registry);
    const had = await eraseLogin(path, registry, { programs, signal });
    const keychain = createKeychain(storedLogins(flags.authfile, process.env, log.warn));
    const other = (await keychain(registry.host, registry.path, { signal }))?.origin;
    if (!had)
      throw new AppError("NOT_FOUND", `Cannot log out of "${name}": ${path} has no login for it`, {
        hint: other ? `${other} has one: dray logout --authfile FILE takes it out` : "dray auth lists the logins",
      });
    process.stdout.write(`Logged out of ${name}; it was in ${path}\n`);
    if (other) log.warn(`there is another login for ${name} in ${other}`);
    return EXIT.done;
  }),
});

/** Every login of the file but those that cannot be taken out, each of which is said; the exit code. */
async function eraseAll(path: string, programs: CredentialPrograms, log: Log, signal: AbortSignal): Promise<number> {
  const registries = await loginsIn(path);
  if (registries.length === 0) log.info(`there are no logins in ${path}`);
  const said = new Set<string>();
  for (const registry of registries)
    try {
      await eraseLogin(path, registry, { programs, signal });
      process.stdout.write(`Logged out of ${formatSubject(registry)}\n`);
    } catch (error) {
      if (!(error instanceof AppError) || signal.aborted) throw error;
      if (said.has(error.message)) continue;
      said.add(error.message);
      log.error(error.message);
      if (error.hint) log.error(`hint: ${error.hint}`);
    }
  return said.size === 0 ? EXIT.done : EXIT.failed;
}
