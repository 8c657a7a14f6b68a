/** `dray logout`: a login taken out of where `dray login` keeps it. */
import { readFile } from "node:fs/promises";
import { defineCommand } from "citty";
import { AppError } from "../../errors.ts";
import { parseAuthFile } from "../../registry/credentials/auth-file.ts";
import { createCredentialPrograms } from "../../registry/credentials/credential-program.ts";
import { createKeychain } from "../../registry/credentials/keychain.ts";
import { eraseLogin } from "../../registry/credentials/login-file.ts";
import type { RegistryKey } from "../../registry/credentials/registry-key.ts";
import { action, EXIT } from "../action.ts";
import { globalArgs } from "../args.ts";
import { loginFile, storedLogins } from "../credential-files.ts";
import type { Examples } from "../help.ts";
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
    if (flags.registry === undefined) {
      const registries = await registriesIn(path);
      if (registries.length === 0) log.info(`there are no logins in ${path}`);
      for (const registry of registries) {
        await eraseLogin(path, registry, { programs, signal });
        process.stdout.write(`Logged out of ${formatSubject(registry)}\n`);
      }
      return EXIT.done;
    }
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

async function registriesIn(path: string): Promise<readonly RegistryKey[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  const { entries } = parseAuthFile(text, path);
  return entries.filter((entry, at) => at === entries.findIndex((one) => formatSubject(one) === formatSubject(entry)));
}
