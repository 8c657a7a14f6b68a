/** A podman that shares nothing with this machine's, and needs neither systemd nor a network. */
import { join } from "node:path";
import { runWell } from "./run.ts";
import { temporaryFolder } from "./temporary.ts";

export interface Podman extends AsyncDisposable {
  /** Standard output; rejects when it fails. */
  run(args: readonly string[]): Promise<string>;
}

/** One without any image. Disposing removes what it has by then. */
export async function openPodman(): Promise<Podman> {
  const folder = await temporaryFolder();
  // podman refuses a runroot of more than 50 characters.
  const places = ["root", "runroot", "tmpdir"].flatMap((name) => [`--${name}`, join(folder.path, name)]);
  const flags = [...places, "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"];
  return {
    run: (args) => runWell("podman", [...flags, ...args]),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
