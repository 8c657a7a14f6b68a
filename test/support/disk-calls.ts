/**
 * Loaded before the product, in a process of its own: counts what it asks of the disk, and at one of these calls ends the
 * process as `kill -9` does, or refuses as a disk does. Does nothing unless `DRAY_TEST_DISK` says so; see disk-plan.ts.
 */
import { appendFileSync, writevSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { DiskPlan } from "./disk-plan.ts";

type Call = (...args: never[]) => Promise<unknown>;

/** Whatever changes something. Of those with two paths, the second is the one that comes into being. */
const CALLS: Readonly<Record<string, number>> = {
  appendFile: 0,
  copyFile: 1,
  cp: 1,
  link: 1,
  mkdir: 0,
  rename: 1,
  rm: 0,
  symlink: 1,
  writeFile: 0,
};
const HANDLE_CALLS = ["writev", "truncate", "sync", "datasync"] as const;

/** The module's own object: what the product imports by name is taken from it when its first file is loaded. */
const disk = require("node:fs/promises") as Record<string, Call>;
const plan = JSON.parse(process.env.DRAY_TEST_DISK ?? "null") as DiskPlan | null;
let count = 0;
let seen = 0;
let begun = false;

/** Before each call. Throws where the disk is to refuse it; `tear` does half of it where the process is to die of it. */
function before(plan: DiskPlan, name: string, path: string, tear?: () => void): void {
  const line = `${name} ${path}`;
  if (plan.log !== undefined) appendFileSync(plan.log, `${line}\n`);
  begun ||= plan.from === undefined || new RegExp(plan.from).test(line);
  if (begun && new RegExp(plan.only ?? "").test(line) && ++count === plan.killAt) {
    tear?.();
    process.kill(process.pid, "SIGKILL");
  }
  if (!plan.refuse || !new RegExp(plan.refuse.call).test(line)) return;
  const { code, after = 0, times = Number.POSITIVE_INFINITY } = plan.refuse;
  if (++seen <= after || seen > after + times) return;
  throw Object.assign(new Error(`${code}: refused on purpose, ${name}`), { code, syscall: name });
}

function watch(plan: DiskPlan): void {
  for (const [name, at] of Object.entries(CALLS)) {
    const real = disk[name]!;
    disk[name] = async (...args) => {
      before(plan, name, String(args[at]));
      return real(...args);
    };
  }
  const open = disk.open as (path: string, flags?: string) => Promise<FileHandle>;
  disk.open = async (path: string, flags = "r", ...rest: never[]) => {
    if (flags !== "r") before(plan, "open", String(path));
    return watched(plan, await (open as (...args: unknown[]) => Promise<FileHandle>)(path, flags, ...rest), path);
  };
}

function watched(plan: DiskPlan, file: FileHandle, path: string): FileHandle {
  const handle = file as unknown as Record<string, Call>;
  for (const name of HANDLE_CALLS) {
    const real = handle[name]!.bind(file);
    handle[name] = async (...args) => {
      before(plan, name, String(path), () => name === "writev" && tear(file, args[0]!, args[1]));
      return real(...args);
    };
  }
  return file;
}

/** The first half of a write. */
function tear(file: FileHandle, chunks: readonly Uint8Array[], position?: number): void {
  const bytes = Buffer.concat(chunks);
  writevSync(file.fd, [bytes.subarray(0, bytes.length >> 1)], position);
}

if (plan) watch(plan);
