/** What disk-calls.ts is to do to a process, and how a process is started with it. */
import { join } from "node:path";
import type { Runtime } from "./dray.ts";

/** Calls are matched as `name path`, such as `rename FOLDER/saved-images.tar.gz`. */
export interface DiskPlan {
  /** A file that gets a line for each call. */
  readonly log?: string;
  /** Pattern of the call from which on `killAt` counts. Default: the first one. */
  readonly from?: string;
  /** Pattern of the calls that `killAt` counts. Default: all. */
  readonly only?: string;
  /** Ends the process instead of this call, 1 for the first; of a write, half is done. */
  readonly killAt?: number;
  /** Refuses `times` calls that match `call`, all by default, but for the first `after` of them. */
  readonly refuse?: { readonly call: string; readonly code: string; readonly after?: number; readonly times?: number };
}

const SOURCE = join(import.meta.dirname, "..", "..", "src", "main.ts");

/** The product on Bun, with its calls watched. */
export const WATCHED: Runtime = [process.execPath, "--preload", join(import.meta.dirname, "disk-calls.ts"), SOURCE];

export function underPlan(plan: DiskPlan): Readonly<Record<string, string>> {
  return { DRAY_TEST_DISK: JSON.stringify(plan) };
}
