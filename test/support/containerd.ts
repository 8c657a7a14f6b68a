/** Debian's containerd with the native snapshotter only, in a folder of its own. It wants to be root. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startProgram } from "./program.ts";
import { type Ended, run } from "./run.ts";
import { temporaryFolder } from "./temporary.ts";
import { requireTool } from "./tool.ts";

export interface Containerd extends AsyncDisposable {
  /** Runs `ctr` against it, in a namespace of its own. */
  ctr(namespace: string, args: readonly string[]): Promise<Ended>;
}

/** Why it cannot run here; undefined where it can. With `DRAY_REQUIRE_TOOLS=1` that is an error. */
export function requireContainerd(): string | undefined {
  const missing = requireTool("containerd") ?? requireTool("ctr");
  if (missing) return missing;
  if (process.getuid?.() === 0) return undefined;
  if (process.env.DRAY_REQUIRE_TOOLS === "1") throw new Error("containerd needs root");
  return "containerd needs root";
}

/** What needs a kernel of its liking, a network or a folder outside of its own. */
const DISABLED = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.overlayfs",
  "io.containerd.snapshotter.v1.zfs",
];

export async function startContainerd(): Promise<Containerd> {
  const folder = await temporaryFolder();
  const socket = join(folder.path, "c.sock");
  const config = join(folder.path, "config.toml");
  await mkdir(join(folder.path, "state"));
  await writeFile(
    config,
    [
      "version = 2",
      `root = ${JSON.stringify(join(folder.path, "root"))}`,
      `state = ${JSON.stringify(join(folder.path, "state"))}`,
      `disabled_plugins = ${JSON.stringify(DISABLED)}`,
      "[grpc]",
      `address = ${JSON.stringify(socket)}`,
      // What one namespace has does not count for another.
      '[plugins."io.containerd.metadata.v1.bolt"]',
      'content_sharing_policy = "isolated"',
    ].join("\n"),
  );
  const booted = Promise.withResolvers<void>();
  try {
    const running = await startProgram("containerd", ["--config", config], {
      ready: () => booted.promise,
      onLine(line) {
        if (line.includes("successfully booted")) booted.resolve();
      },
    });
    return {
      ctr: (namespace, args) => run("ctr", ["--address", socket, "--namespace", namespace, ...args]),
      async [Symbol.asyncDispose]() {
        await running.close();
        await folder[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}
