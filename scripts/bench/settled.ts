/** What happens between two runs of a contest, so that none pays for another. */
import type { Workplace } from "./workplace.ts";

/** Bytes of memory that the largest side fills with files. */
const WARM = 2e9;

/**
 * Removes what earlier runs left, and waits until the disk has done with it: who syncs what it wrote would pay for all. Then
 * touches as much memory as the largest side fills with files: on a virtual machine its first use costs more than the run.
 */
export async function settled(place: Workplace, leftovers: readonly string[] = []): Promise<void> {
  place.remove(...leftovers);
  await place.run(["sync"]);
  await place.run(shell(`head -c ${WARM} /dev/zero > warm`));
  place.remove("warm");
}

/** A script of bash that stops at its first failure. */
export function shell(script: string): string[] {
  return ["bash", "-c", `set -euo pipefail; ${script}`];
}
