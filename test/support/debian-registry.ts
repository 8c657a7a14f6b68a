/** Debian's docker-registry, distribution 2.8, on a free port over a folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { temporaryFolder } from "./temporary.ts";

export interface DebianRegistry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** Its storage folder. */
  readonly root: string;
  /** What it was asked, as it wrote into its access log; a line may come a little after the response. */
  readonly requests: { readonly method: string; readonly path: string; readonly status: number }[];
  close(): Promise<void>;
}

export interface DebianRegistryOptions {
  /** A storage folder that exists. Default: an empty one, removed at the end. */
  readonly root?: string;
  /** Default false. */
  readonly readOnly?: boolean;
}

/** Starts `docker-registry`; ask `requireTool("docker-registry")` first. */
export async function startDebianRegistry({
  root,
  readOnly = false,
}: DebianRegistryOptions = {}): Promise<DebianRegistry> {
  const folder = await temporaryFolder();
  const storage = root ?? join(folder.path, "storage");
  const config = join(folder.path, "config.yml");
  await writeFile(config, configuration(storage, readOnly));
  const child = spawn("docker-registry", ["serve", config], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: `${process.env.PATH}:/usr/bin`, OTEL_TRACES_EXPORTER: "none" },
  });
  const requests: DebianRegistry["requests"] = [];
  const host = await ready(child, requests).catch(async (error) => {
    await folder[Symbol.asyncDispose]();
    throw error;
  });
  async function close(): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    }
    await folder[Symbol.asyncDispose]();
  }
  return { host, root: storage, requests, close, [Symbol.asyncDispose]: close };
}

function configuration(storage: string, readOnly: boolean): string {
  // JSON is YAML.
  return JSON.stringify({
    version: "0.1",
    log: { level: "info", formatter: "text", accesslog: { disabled: false } },
    storage: {
      filesystem: { rootdirectory: storage },
      delete: { enabled: true },
      maintenance: { readonly: { enabled: readOnly }, uploadpurging: { enabled: false } },
    },
    http: { addr: "127.0.0.1:0" },
  });
}

/** Waits for the line that tells the port; every line of the access log becomes a request. */
function ready(child: ChildProcess, requests: DebianRegistry["requests"]): Promise<string> {
  return new Promise((resolve, reject) => {
    let told = "";
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`docker-registry ended with ${code}: ${told}`)));
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface(stream).on("line", (line) => {
        told = `${told}${line}\n`.slice(-4000);
        const listening = /listening on (127\.0\.0\.1:\d+)/.exec(line);
        if (listening?.[1]) resolve(listening[1]);
        const access = /"([A-Z]+) (\S+) HTTP\/1\.1" (\d{3}) /.exec(line);
        if (access) requests.push({ method: access[1]!, path: access[2]!, status: Number(access[3]) });
      });
    }
  });
}
