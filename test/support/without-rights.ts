/** Tests of what the system refuses: root, whom it refuses nothing, runs them in a process that has given that up. */
import { expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run.ts";
import { requireTool } from "./tool.ts";

/** What lets root read and search what its owner may not. */
const RIGHTS = "-dac_override,-dac_read_search";

/** Set in the process that has given it up. */
const MARK = "DRAY_WITHOUT_RIGHTS";

/** Whether this process may read what nobody may read. */
function isAboveRights(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "dray-test-"));
  const path = join(folder, "closed");
  try {
    closeSync(openSync(path, "w", 0));
    closeSync(openSync(path, "r"));
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * A test of `file` that holds for whoever has no more rights than files give. In `file`, no other name may end with its name.
 */
export function testWithoutRights(name: string, file: string, work: () => Promise<void>): void {
  if (process.env[MARK] === "1" || !isAboveRights()) test(name, work);
  else test.skipIf(requireTool("setpriv") !== undefined)(name, () => testApart(name, file), 60_000);
}

async function testApart(name: string, file: string): Promise<void> {
  const command = [process.execPath, "test", file, "--test-name-pattern", `${RegExp.escape(name)}$`];
  const dropped = [`--bounding-set=${RIGHTS}`, `--inh-caps=${RIGHTS}`];
  const { code, stderr } = await run("setpriv", [...dropped, ...command], { [MARK]: "1" });
  expect(stderr).toMatch(/^ *1 pass$/m);
  expect(code).toBe(0);
}
