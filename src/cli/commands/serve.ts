/** `dray serve`: a registry on this machine, in memory or on a folder. */
import { mkdir, mkdtemp, readdir, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { defineCommand } from "citty";
import { onDisk } from "../../bytes/disk.ts";
import { AppError, reasonOf } from "../../errors.ts";
import { openRegistryStorage } from "../../layout/registry-storage.ts";
import { createHandler } from "../../serve/handler.ts";
import { listen } from "../../serve/listen.ts";
import { memoryStore } from "../../store/memory.ts";
import { action, EXIT } from "../action.ts";
import { globalArgs } from "../args.ts";
import type { Examples } from "../help.ts";

const args = {
  folder: {
    type: "string",
    valueHint: "FOLDER",
    description: "Keep the content here, in the storage layout of registry:2; default: in memory, gone at the end",
  },
  listen: {
    type: "string",
    default: "127.0.0.1:5000",
    valueHint: "HOST:PORT",
    description: "Where to listen; port 0 is any free one",
  },
  "read-only": { type: "boolean", description: "Refuse every push" },
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["A registry for an afternoon", "dray serve"],
  ["One that keeps its content", "dray serve --folder ./registry --listen 0.0.0.0:5000"],
];

export default defineCommand({
  meta: { name: "serve", description: "Run a registry on this machine" },
  args,
  run: action("serve", args, async (flags, { signal, log, interrupted }) => {
    const { host, port } = parseAddress(flags.listen);
    if (flags.folder) await (flags["read-only"] ? requireReadable(flags.folder) : requireWritable(flags.folder));
    await using store = flags.folder ? openRegistryStorage(flags.folder) : memoryStore();
    await using handler = createHandler(store, { readOnly: flags["read-only"] });
    const server = await listen(handler, { host, port });
    process.stdout.write(`${server.url}\n`);
    log.info(`serving ${flags.folder ? join(flags.folder) : "from memory"} at ${server.url}; Ctrl-C ends it`);
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    await server.close();
    return interrupted() ?? EXIT.done;
  }),
});

function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535) throw new AppError("USAGE", `Cannot listen on "${text}": expected HOST:PORT`);
  return { host: match[1] ?? (match[2] || "0.0.0.0"), port };
}

/** Throws NOT_FOUND where there is no folder, STORAGE where it cannot be read. */
async function requireReadable(folder: string): Promise<void> {
  const there = await stat(folder).catch(() => undefined);
  if (!there) throw new AppError("NOT_FOUND", `Cannot serve "${folder}": there is no such folder`);
  if (!there.isDirectory()) throw new AppError("STORAGE", `Cannot serve "${folder}": it is no folder`);
  await readdir(folder).catch((cause: unknown) => {
    throw new AppError("STORAGE", `Cannot serve "${folder}": ${reasonOf(cause)}`, { cause });
  });
}

/** Makes the folder where it is not there. Throws STORAGE where it takes nothing: not the first push is to find that out. */
async function requireWritable(folder: string): Promise<void> {
  if ((await stat(folder).catch(() => undefined))?.isDirectory() === false)
    throw new AppError("STORAGE", `Cannot serve "${folder}": it is no folder`);
  await onDisk(folder, async () => {
    await mkdir(folder, { recursive: true });
    await rmdir(await mkdtemp(join(folder, ".trial-")));
  });
}
