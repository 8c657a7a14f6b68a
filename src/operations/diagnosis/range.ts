/** Whether a part of a blob can be had, which is what resuming is made of, and from where. RFC 9110 section 14. */
import type { Descriptor } from "../../oci/descriptor.ts";
import { drain } from "../../registry/wire/drain.ts";
import { about, ask, type Examination, reasonOf } from "./examination.ts";
import type { Finding } from "./finding.ts";

/** Asks for a blob but for its first byte. */
export async function* examineRange(examination: Examination, { digest, size }: Descriptor): AsyncGenerator<Finding> {
  const { client, path, journal } = examination;
  const url = `/v2/${path}/blobs/${digest}`;
  const response = await ask(examination, "pull", "GET", url, { headers: { range: "bytes=1-" } });
  if (!response.ok) {
    yield { check: "blobs", state: "failed", said: `cannot be read: ${await reasonOf(examination, response)}` };
    return;
  }
  await drain(response);
  const home = await client.origin(about(client), examination);
  const last = journal.at(-1)?.url;
  if (last && last.origin !== home)
    yield {
      check: "blobs",
      state: "ok",
      said: `come from ${last.host}, to which the registry redirects: firewall and proxy must let it pass, too`,
    };
  const check = "resume";
  const range = response.headers.get("content-range");
  if (response.status === 206 && range === `bytes 1-${size - 1}/${size}`)
    yield { check, state: "ok", said: "a download that was cut goes on where it ended" };
  else yield { check, state: "warning", said: "ranges are not served: a download that was cut begins anew" };
}
