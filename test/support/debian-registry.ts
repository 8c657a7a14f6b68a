/** Debian's docker-registry, distribution 2.8 (or another build of distribution), on a free port over a folder. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Program, startProgram } from "./program.ts";
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
  /** Names with their passwords; nobody else gets in. Default: no authorization. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** Where it sends those who want in, and whose tokens it takes. */
  readonly token?:
    | { readonly realm: string; readonly service: string; readonly issuer: string; readonly certificate: string }
    | undefined;
  /** The name or path of the program. Default `docker-registry`. */
  readonly program?: string | undefined;
}

/** Starts `docker-registry`; ask `requireTool("docker-registry")` first. */
export async function startDebianRegistry(options: DebianRegistryOptions = {}): Promise<DebianRegistry> {
  const folder = await temporaryFolder();
  const { root = join(folder.path, "storage"), program = "docker-registry" } = options;
  const config = join(folder.path, "config.yml");
  const auth = await authorization(options, join(folder.path, "htpasswd"));
  // JSON is YAML.
  await writeFile(config, JSON.stringify({ ...configuration(root, options), ...auth }));
  const requests: DebianRegistry["requests"] = [];
  const address = Promise.withResolvers<string>();
  let running: Program;
  try {
    running = await startProgram(program, ["serve", config], {
      env: { OTEL_TRACES_EXPORTER: "none" },
      ready: () => address.promise,
      onLine(line) {
        const [, host] = /listening on (127\.0\.0\.1:\d+)/.exec(line) ?? [];
        if (host) address.resolve(host);
        const [, method, path, status] = /"([A-Z]+) (\S+) HTTP\/1\.1" (\d{3}) /.exec(line) ?? [];
        if (method && path) requests.push({ method, path, status: Number(status) });
      },
    });
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
  async function close(): Promise<void> {
    await running.close();
    await folder[Symbol.asyncDispose]();
  }
  return { host: await address.promise, root, requests, close, [Symbol.asyncDispose]: close };
}

function configuration(storage: string, { readOnly = false }: DebianRegistryOptions): object {
  return {
    version: "0.1",
    log: { level: "info", formatter: "text", accesslog: { disabled: false } },
    storage: {
      filesystem: { rootdirectory: storage },
      delete: { enabled: true },
      maintenance: { readonly: { enabled: readOnly }, uploadpurging: { enabled: false } },
    },
    http: { addr: "127.0.0.1:0" },
  };
}

async function authorization({ users, token }: DebianRegistryOptions, file: string): Promise<object> {
  if (token) {
    const { realm, service, issuer, certificate } = token;
    return { auth: { token: { realm, service, issuer, rootcertbundle: certificate } } };
  }
  if (!users) return {};
  const lines = Object.entries(users).map(async ([name, password]) => {
    const hash = await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 });
    return `${name}:${hash}\n`;
  });
  await writeFile(file, (await Promise.all(lines)).join(""));
  return { auth: { htpasswd: { realm: "test", path: file } } };
}
