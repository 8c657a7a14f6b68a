/** Debian's tinyproxy on a free port: a forward proxy for http and, by CONNECT, for https. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { listening, onFreePort, startProgram } from "./program.ts";
import { temporaryFolder } from "./temporary.ts";

export interface Tinyproxy extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** First lines of requests: `CONNECT registry.test:443`, `GET http://registry.test/v2/`. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export interface TinyproxyOptions {
  /** Who may use it. Default: everybody on this machine. */
  readonly user?: { readonly name: string; readonly password: string } | undefined;
  /** The `host:port` of the proxy that it hands everything on to. Default: it goes there itself. */
  readonly upstream?: string | undefined;
}

/** Starts tinyproxy; ask `requireTool("tinyproxy")` first. */
export async function startTinyproxy({ user, upstream }: TinyproxyOptions = {}): Promise<Tinyproxy> {
  const folder = await temporaryFolder();
  const requests: string[] = [];
  const started = onFreePort(async (port) => {
    const config = join(folder.path, `tinyproxy-${port}.conf`);
    const lines = [
      `Port ${port}`,
      "Listen 127.0.0.1",
      "Timeout 60",
      "MaxClients 100",
      "LogLevel Connect",
      ...(user ? [`BasicAuth ${user.name} ${user.password}`] : []),
      ...(upstream ? [`Upstream http ${upstream}`] : []),
    ];
    await writeFile(config, `${lines.join("\n")}\n`);
    const onLine = (line: string): void => {
      const [, request] = /Request \(file descriptor \d+\): (\S+ \S+)/.exec(line) ?? [];
      if (request) requests.push(request);
    };
    return {
      port,
      program: await startProgram("tinyproxy", ["-d", "-c", config], { onLine, ready: () => listening(port) }),
    };
  });
  const { port, program } = await started.catch(async (error) => {
    await folder[Symbol.asyncDispose]();
    throw error;
  });
  async function close(): Promise<void> {
    await program.close();
    await folder[Symbol.asyncDispose]();
  }
  return { host: `127.0.0.1:${port}`, requests, close, [Symbol.asyncDispose]: close };
}
