/** Where a benchmark works: a folder of its own and the programs it started, all gone when it ends or is interrupted. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How long a command took, and the most memory it held, in seconds and bytes. */
export interface Sample {
  readonly seconds: number;
  readonly peak: number;
}

export interface Registry {
  /** `127.0.0.1:49152` */
  readonly host: string;
  close(): Promise<void>;
}

export interface Workplace extends AsyncDisposable {
  /** A path inside of the folder; nothing is made there. */
  path(...names: string[]): string;
  /** A new empty folder. */
  folder(name: string): string;
  remove(...names: string[]): void;
  /** Runs a command to its end. Throws with what it said on stderr when it fails. */
  run(command: readonly string[]): Promise<Sample>;
  /** Debian's registry on a free port over a storage folder, which is made where it is missing. */
  registry(storage: string): Promise<Registry>;
}

/**
 * Distribution allocates 4 MiB for every blob that it sends. With Go's default the collector then takes half of its time,
 * and the side that asks for small blobs would be measured by it.
 */
const REGISTRY_ENVIRONMENT = { GOGC: "1000" };
/** How often the memory of a running command is looked at, in milliseconds. */
const LOOK = 25;

export function openWorkplace(): Workplace {
  const root = mkdtempSync(join(tmpdir(), "dray-bench-"));
  const running = new Set<Bun.Subprocess>();
  const path = (...names: string[]): string => join(root, ...names);

  function close(): void {
    for (const child of running) child.kill("SIGKILL");
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
  function interrupted(): never {
    close();
    process.exit(130);
  }
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);

  function start(
    command: readonly string[],
    env: Record<string, string> = {},
  ): Bun.Subprocess<"ignore", "ignore", "pipe"> {
    const child = Bun.spawn([...command], {
      cwd: root,
      env: { ...process.env, DOCKER_CONFIG: root, ...env },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    running.add(child);
    void child.exited.then(() => running.delete(child));
    return child;
  }

  return {
    path,
    folder(name) {
      mkdirSync(path(name), { recursive: true });
      return path(name);
    },
    remove(...names) {
      for (const name of names) rmSync(path(name), { recursive: true, force: true });
    },
    async run(command) {
      const began = performance.now();
      const child = start(command);
      const ended = child.exited.then(() => performance.now());
      const [peak, said, at] = await Promise.all([peakOf(child), new Response(child.stderr).text(), ended]);
      const seconds = (at - began) / 1000;
      if (child.exitCode !== 0) throw new Error(`Cannot run "${command.join(" ")}": ${said.trim().slice(-2000)}`);
      return { seconds, peak };
    },
    async registry(storage) {
      const port = await freePort();
      await writeFile(path(`registry-${port}.yml`), JSON.stringify(configuration(path(storage), port)));
      const command = ["docker-registry", "serve", path(`registry-${port}.yml`)];
      const child = start(command, REGISTRY_ENVIRONMENT);
      void new Response(child.stderr).text();
      await answering(`http://127.0.0.1:${port}/v2/`, child);
      return {
        host: `127.0.0.1:${port}`,
        async close() {
          child.kill();
          await child.exited;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
      close();
    },
  };
}

/**
 * The high-water mark of the program itself. What wait4 tells begins with the memory of the process that started it, so
 * the kernel's own count of the running program is read instead; it only grows, so that the last look is the peak.
 */
async function peakOf(child: Bun.Subprocess): Promise<number> {
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
    peak = Math.max(peak, Number(status.match(/^VmHWM:\s+(\d+) kB$/m)?.[1] ?? 0) * 1024);
    await Bun.sleep(LOOK);
  }
  return peak > 0 ? peak : (child.resourceUsage()?.maxRSS ?? 0);
}

/** Without an access log, which would take time from both sides. */
function configuration(storage: string, port: number): object {
  return {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage }, cache: { blobdescriptor: "inmemory" } },
    http: { addr: `127.0.0.1:${port}` },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("Cannot find a free port");
  return address.port;
}

async function answering(url: string, child: Bun.Subprocess): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error("Cannot start docker-registry: it ended at once");
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await Bun.sleep(50);
  }
  throw new Error("Cannot start docker-registry: it does not answer");
}
