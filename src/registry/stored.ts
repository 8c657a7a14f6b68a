/** What a registry says that it stored, compared with what it was given. OCI distribution-spec v1.1 "Docker-Content-Digest". */
import { IntegrityError } from "../errors.ts";
import { type Digest, isDigest, splitDigest } from "../oci/digest.ts";

/** Throws INTEGRITY where the answer names another digest of the same algorithm. Many name none. */
export function checkStored(what: string, { headers }: Response, digest: Digest): void {
  const stored = headers.get("docker-content-digest");
  if (!isDigest(stored) || splitDigest(stored).algorithm !== splitDigest(digest).algorithm || stored === digest) return;
  throw new IntegrityError(`${what}: the registry stored "${stored}" for "${digest}"`, {
    expected: digest,
    actual: stored,
  });
}
