/** The registries of a run, opened once each, with the user's settings and credentials. */
import { homedir } from "node:os";
import { join } from "node:path";
import type { OnEvent } from "../events.ts";
import { credentialsFromFiles } from "../registry/credentials/auth-file.ts";
import { openRegistry } from "../registry/registry.ts";
import type { Sink, Store } from "../store/store.ts";
import { VERSION } from "../version.ts";
import type { Log } from "./log.ts";

export interface Registries extends AsyncDisposable {
  at(host: string): Store<Sink>;
}

export function openRegistries({
  tlsVerify,
  onEvent,
  log,
}: {
  tlsVerify: boolean;
  onEvent: OnEvent;
  log: Log;
}): Registries {
  const open = new Map<string, Store<Sink>>();
  const credentials = credentialsFromFiles(credentialFiles(process.env));
  return {
    at(host) {
      let store = open.get(host);
      if (!store) {
        store = openRegistry(host, {
          tlsVerify,
          credentials,
          onEvent,
          userAgent: `dray/${VERSION}`,
          onRequest: ({ method, url, status, milliseconds }) =>
            log.debug(`${method} ${url} -> ${status} (${Math.round(milliseconds)} ms)`),
        });
        open.set(host, store);
      }
      return store;
    },
    async [Symbol.asyncDispose]() {
      for (const store of open.values()) await store[Symbol.asyncDispose]();
    },
  };
}

/** Where docker, podman and skopeo keep logins, in the order in which they are asked. */
function credentialFiles(env: NodeJS.ProcessEnv): readonly string[] {
  if (env.REGISTRY_AUTH_FILE) return [env.REGISTRY_AUTH_FILE];
  const home = env.HOME || homedir();
  const runtime = env.XDG_RUNTIME_DIR ?? `/run/containers/${process.getuid?.() ?? 0}`;
  const runtimeFile = env.XDG_RUNTIME_DIR ? join(runtime, "containers", "auth.json") : join(runtime, "auth.json");
  const dockerFile = join(env.DOCKER_CONFIG || join(home, ".docker"), "config.json");
  const containersFiles = [runtimeFile, join(env.XDG_CONFIG_HOME || join(home, ".config"), "containers", "auth.json")];
  return env.DOCKER_CONFIG ? [dockerFile, ...containersFiles] : [...containersFiles, dockerFile];
}
