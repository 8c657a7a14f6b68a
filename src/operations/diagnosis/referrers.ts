/** Whether the registry itself knows what refers to a manifest. OCI distribution-spec v1.1 "Listing Referrers". */
import type { Digest } from "../../oci/digest.ts";
import { askReferrers } from "../../registry/referrers/referrers-endpoint.ts";
import type { Examination } from "./examination.ts";
import type { Finding } from "./finding.ts";

/** Asks who refers to a manifest. */
export async function* examineReferrers(examination: Examination, subject: Digest): AsyncGenerator<Finding> {
  const { client, path, signal } = examination;
  const check = "referrers";
  const listed = await askReferrers(client, path, subject, { signal });
  if ("referrers" in listed) yield { check, state: "ok", said: "signatures and SBOMs are listed by the registry" };
  else {
    const said = `no referrers API (${listed.refused}): signatures and SBOMs are kept under fallback tags, sha256-...`;
    yield { check, state: "note", said };
  }
}
