/** A program of others that serves as long as a test needs it, and never longer than the tests run. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

export interface Program extends AsyncDisposable {
  /** Ends it, and waits until it has. */
  close(): Promise<void>;
}

export interface ProgramOptions {
  /** The whole environment. Default: `PATH`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Told every line of standard output and standard error. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Resolves when it serves. */
  readonly ready: () => Promise<unknown>;
}

/** Starts a program and waits until it serves. Rejects, with what it said last, when it ends before. */
export async function startProgram(
  program: string,
  args: readonly string[],
  { env = {}, onLine, ready }: ProgramOptions,
): Promise<Program> {
  const child = spawn(program, [...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: `${process.env.PATH}:/usr/sbin:/usr/bin`, ...env },
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  let told = "";
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on("line", (line) => {
      told = `${told}${line}\n`.slice(-4000);
      onLine?.(line);
    });
  const ended = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`${program} ended with ${code}: ${told}`)));
  });
  ended.catch(() => process.removeListener("exit", kill));
  async function close(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill();
    await exited;
  }
  try {
    await Promise.race([ready(), ended]);
  } catch (error) {
    kill();
    throw error;
  }
  return { close, [Symbol.asyncDispose]: close };
}

/** Lies below the ports that systems give away by themselves, so that nobody else gets one of these by chance. */
const [LOWEST, HIGHEST] = [20_000, 32_000];

/**
 * Starts what cannot choose a port itself: gives it a free one, and another when somebody was faster. `start` rejects when
 * its port is taken.
 */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (!(await isFree(port))) continue;
    try {
      return await start(port);
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Resolves when somebody listens on the port of 127.0.0.1. */
export async function listening(port: number): Promise<void> {
  while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 10));
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
