/** Compares what a manifest says of a blob with what is there. */
import { IntegrityError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";

/** Two manifests can disagree about a blob. The one that is wrong must not get the other's image into trouble. */
export function requireSize({ digest, size }: Descriptor, there: number | undefined): void {
  if (there === undefined || there === size) return;
  throw new IntegrityError(`Cannot read "${digest}": its manifest says ${size} bytes, and it has ${there}`, {
    expected: `${digest} (${size} bytes)`,
    actual: `${there} bytes`,
  });
}
