/** A blob taken over from another repository of the registry. OCI distribution-spec v1.1 "Mounting a blob from another repository". */
import { AppError, RegistryError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Call } from "../../store/store.ts";
import type { Client } from "../client.ts";
import { mountScope, uploadsPath } from "../endpoint.ts";
import { drain } from "../wire/drain.ts";
import { sessionOf } from "./session.ts";
import { type Uploads, uploadKey } from "./uploads.ts";

/**
 * Whether the registry took the blob over; false where that is refused, for whatever reason. The session that a registry
 * opens instead is kept for the upload that follows. Where a pair of repositories was refused as such, it is not asked for
 * again. Throws NETWORK where nobody answers.
 */
export async function mountBlob(
  client: Client,
  path: string,
  { digest }: Descriptor,
  from: string,
  uploads: Uploads,
  { signal }: Call = {},
): Promise<boolean> {
  const pair = `${from} ${path}`;
  if (uploads.unmounted.has(pair)) return false;
  const what = `Cannot mount "${client.host}/${path}@${digest}"`;
  try {
    const response = await client.send(what, "POST", `${uploadsPath(path)}?mount=${digest}&from=${from}`, {
      scopes: mountScope(path, from),
      signal,
    });
    await drain(response);
    if (response.status === 201) return true;
    if (response.status === 202)
      uploads.sessions.set(uploadKey(path, digest), await sessionOf(client, what, path, response, { signal }));
    return false;
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof AppError) || (error.code === "NETWORK" && !(error instanceof RegistryError))) throw error;
    // A blob that is unknown there says nothing about the next one.
    if (!(error instanceof RegistryError) || error.status !== 404) uploads.unmounted.add(pair);
    return false;
  }
}
