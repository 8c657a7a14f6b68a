/** Programs of others that some tests drive. */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * Why a test of the program `name` cannot run here, for `test.skipIf(...)`; undefined where it can. With
 * `DRAY_REQUIRE_TOOLS=1` a missing program is an error.
 */
export function requireTool(name: string): string | undefined {
  const found = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin", "/usr/sbin"].some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (found) return undefined;
  if (process.env.DRAY_REQUIRE_TOOLS === "1") throw new Error(`${name} is not installed`);
  return `${name} is not installed`;
}

/** Why a test that mounts a disk cannot run here; with `DRAY_REQUIRE_TOOLS=1` that is an error. */
export function requireRoot(): string | undefined {
  const probe = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
  if (process.getuid?.() === 0 && probe.status === 0) return undefined;
  if (process.env.DRAY_REQUIRE_TOOLS === "1") throw new Error("nobody but root can mount a disk");
  return "nobody but root can mount a disk";
}
