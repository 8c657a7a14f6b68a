/** `dray login`: a login verified at its registry, then kept where docker and podman find it too. */
import { defineCommand } from "citty";
import { AppError } from "../../errors.ts";
import { isUsername } from "../../registry/credentials/auth-file.ts";
import { createCredentialPrograms } from "../../registry/credentials/credential-program.ts";
import { storeLogin } from "../../registry/credentials/login-file.ts";
import { verifyLogin } from "../../registry/login.ts";
import type { Call } from "../../store/store.ts";
import { parseRealms } from "../access.ts";
import { action, EXIT } from "../action.ts";
import { globalArgs, registryArgs } from "../args.ts";
import { loginFile } from "../credential-files.ts";
import type { Examples } from "../help.ts";
import { openNetwork } from "../network.ts";
import { askPassword, readPasswords } from "../passwords.ts";
import { ask, canAsk } from "../prompt.ts";
import { asDray } from "../registries.ts";
import { formatSubject, parseRegistry } from "../registry-argument.ts";
import { warnOfWaits } from "../waits.ts";

const args = {
  registry: { type: "positional", description: "Registry, or a namespace of one: HOST[:PORT][/NAMESPACE]" },
  username: { type: "string", alias: "u", valueHint: "NAME", description: "User name; default: asked at a terminal" },
  password: {
    type: "string",
    alias: "p",
    valueHint: "TEXT",
    description: "Password, for older scripts: other users of this machine can see it",
  },
  "password-stdin": registryArgs["password-stdin"],
  authfile: {
    type: "string",
    valueHint: "FILE",
    description: "File to keep it in; default: REGISTRY_AUTH_FILE, else config.json of DOCKER_CONFIG or ~/.docker",
  },
  "tls-verify": registryArgs["tls-verify"],
  "ca-file": registryArgs["ca-file"],
  "trusted-realm": registryArgs["trusted-realm"],
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["With a token of the CI system", 'echo "$TOKEN" | dray login ghcr.io -u me --password-stdin'],
  ["For this run's own file", "dray login registry.internal:5000 -u me --authfile ./auth.json"],
  ["For one namespace of a registry", "dray login quay.io/team -u team+robot --authfile ./auth.json"],
];

export default defineCommand({
  meta: { name: "login", description: "Log in to a registry" },
  args,
  run: action("login", args, async (flags, { signal, log }) => {
    const registry = parseRegistry(flags.registry);
    const name = formatSubject(registry);
    if (flags.password !== undefined)
      log.warn("other users of this machine can see a password that is an argument: use --password-stdin");
    const credential = await readCredential(name, flags, { signal });
    const network = await openNetwork({
      caFile: flags["ca-file"],
      env: process.env,
      onDetail: log.debug,
      onWarning: log.warn,
    });
    const verdict = await verifyLogin(registry.host, credential, {
      tlsVerify: flags["tls-verify"],
      trust: network.trust,
      proxy: network.proxy,
      trustedRealms: parseRealms(flags["trusted-realm"]),
      onEvent: warnOfWaits(log.warn),
      ...asDray(log),
      signal,
    });
    if (verdict === "unasked") log.warn(`${registry.host} asks nobody to log in: the login is kept, but not proven`);
    const path = loginFile(flags.authfile, process.env);
    const keeper = await storeLogin(path, registry, credential, {
      programs: createCredentialPrograms({ env: { ...process.env, ...network.variables } }),
      signal,
    });
    const place = keeper ? `${keeper} keeps it, as ${path} says` : `it is in ${path}`;
    process.stdout.write(`Logged in to ${name} as ${credential.username}; ${place}\n`);
    if (!keeper) log.warn("the password is not encrypted there; a credential helper (credsStore) can keep it safer");
    return EXIT.done;
  }),
});

interface Given {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly "password-stdin": boolean;
}

async function readCredential(
  name: string,
  { username: given, password, "password-stdin": isPiped }: Given,
  { signal }: Call,
): Promise<{ username: string; password: string }> {
  if (isPiped && password !== undefined)
    throw new AppError("USAGE", "Cannot use --password and --password-stdin: they are two passwords");
  if (!given && (isPiped || !canAsk()))
    throw new AppError("USAGE", `Cannot log in to ${name}: no user name is given`, { hint: "give it with -u NAME" });
  const username = given || (await ask(`User name at ${name}: `, { signal })).trim();
  if (!isUsername(username))
    throw new AppError("USAGE", `Cannot log in to ${name}: a user name has no colon and no control characters`);
  if (isPiped) return { username, password: (await readPasswords(1, { signal }))[0]! };
  return {
    username,
    password: password || (await askPassword(`${username} at ${name}`, "--password-stdin", { signal })),
  };
}
