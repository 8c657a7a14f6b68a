/** Where this machine keeps logins, in the order in which they are asked. */
import { constants, existsSync } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import { createCredentialPrograms } from "../registry/credentials/credential-program.ts";
import type { LoginSource } from "../registry/credentials/keychain.ts";
import { loginsOfFile, loginsOfText } from "../registry/credentials/stored-logins.ts";
import { homeOf } from "./environment.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where docker, podman and skopeo keep logins. A file that was named explicitly is the only one. */
export function credentialFiles(authfile: string | undefined, env: Environment): readonly string[] {
  const only = authfile || env.REGISTRY_AUTH_FILE;
  if (only) return [only];
  const home = homeOf(env);
  const config = join(env.XDG_CONFIG_HOME || join(home, ".config"), "containers", "auth.json");
  const containers = process.platform === "linux" ? [runtimeFile(env), config] : [config];
  const docker = join(env.DOCKER_CONFIG || join(home, ".docker"), "config.json");
  const files = env.DOCKER_CONFIG ? [docker, ...containers] : [...containers, docker];
  return [...files, join(home, ".dockercfg")];
}

/** The file that `dray login` writes. */
export function loginFile(authfile: string | undefined, env: Environment): string {
  const only = authfile || env.REGISTRY_AUTH_FILE;
  return only || join(env.DOCKER_CONFIG || join(homeOf(env), ".docker"), "config.json");
}

/**
 * DOCKER_AUTH_CONFIG, then the files: nothing is read before something is wanted. Programs run in `env`. Told with a warning:
 * a REGISTRY_AUTH_FILE that is not there.
 */
export function storedLogins(
  authfile: string | undefined,
  env: Environment,
  onWarning: (message: string) => void,
): readonly LoginSource[] {
  const options = { programs: createCredentialPrograms({ env }), onWarning };
  const text = env.DOCKER_AUTH_CONFIG;
  const named = env.REGISTRY_AUTH_FILE;
  if (!authfile && named && !existsSync(named))
    onWarning(`REGISTRY_AUTH_FILE is "${named}", and there is no such file: no other is looked at`);
  const files = credentialFiles(authfile, env).map((path) => loginsOfFile(path, options));
  return text ? [loginsOfText(text, "DOCKER_AUTH_CONFIG", options), ...files] : files;
}

/** Throws USAGE where a flag names a file that is not there: a run as nobody would fail later, or find less. */
export async function checkAuthFile(authfile: string | undefined): Promise<void> {
  if (!authfile) return;
  await access(authfile, constants.R_OK).catch((cause: unknown) => {
    throw new AppError("USAGE", `Cannot read credentials "${authfile}": there is no such file, or it may not be read`, {
      cause,
      hint: `dray login --authfile "${authfile}" REGISTRY makes it`,
    });
  });
}

function runtimeFile(env: Environment): string {
  if (env.XDG_RUNTIME_DIR) return join(env.XDG_RUNTIME_DIR, "containers", "auth.json");
  return join("/run/containers", String(process.getuid?.() ?? 0), "auth.json");
}
