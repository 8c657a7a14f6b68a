/** The registries of the distribution project that tests run over: Debian's 2.8, and version 3 where somebody has built it. */
import { spawnSync } from "node:child_process";
import { requireTool } from "./tool.ts";

export interface Distribution {
  /** For names of tests. */
  readonly name: string;
  /** What to start. */
  readonly program: string;
  /** Why it cannot run here. */
  readonly missing?: string | undefined;
}

/** Version 3, of `DRAY_TEST_REGISTRY` or as `registry` on the `PATH`; undefined where there is none. */
export const DISTRIBUTION_3: Distribution | undefined = findVersion3();

export const DISTRIBUTIONS: readonly Distribution[] = [
  { name: "docker-registry", program: "docker-registry", missing: requireTool("docker-registry") },
  ...(DISTRIBUTION_3 ? [DISTRIBUTION_3] : []),
];

function findVersion3(): Distribution | undefined {
  const { DRAY_TEST_REGISTRY: named } = process.env;
  const program = named || "registry";
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8", timeout: 10_000 });
  if (/distribution\/v3/.test(stdout ?? "")) return { name: "distribution 3", program };
  if (named) throw new Error(`DRAY_TEST_REGISTRY is not version 3 of distribution's registry: ${named}`);
  return undefined;
}
