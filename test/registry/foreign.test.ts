/** Layers with addresses of their own: nobody asks there, whatever a manifest says. OCI image-spec v1.1 descriptor.md "urls". */
import { expect, test } from "bun:test";
import { encode } from "../../src/bytes/stream.ts";
import { OCI_CONFIG, OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { EVERYTHING } from "../../src/oci/platform.ts";
import { copy } from "../../src/operations/copy.ts";
import { openRegistry } from "../../src/registry/registry.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { wantedImage } from "../support/laid.ts";
import { part, randomBytes } from "../support/random-image.ts";
import { startRegistry } from "../support/registry.ts";

test.each([
  ["stays with its publisher", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", 1, false],
  ["of an ordinary type comes from the registry", "application/vnd.oci.image.layer.v1.tar+gzip", 2, true],
])("a layer with urls %s", async (_, mediaType, copied, isThere) => {
  await using elsewhere = await startRegistry();
  await using server = await startRegistry();
  const layer = part(mediaType, randomBytes("foreign", 1000));
  const config = part(OCI_CONFIG, encode('{"os":"windows","architecture":"amd64"}'));
  const urls = [`${elsewhere.url}/layer`, "http://169.254.169.254/latest/meta-data"];
  const layers = [{ ...layer.descriptor, urls }];
  const text = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: config.descriptor, layers });
  const manifest = part(OCI_MANIFEST, encode(text));
  const held = server.store.repository("a");
  for (const blob of [config, layer]) await held.put(blob);
  await held.tag("v1", manifest);

  const from = openRegistry(server.host, { retry: { attempts: 1 } }).repository("a");
  const to = memoryStore().repository("a");
  const options = { selection: EVERYTHING, strict: false, jobs: 2, onEvent: () => {} };
  expect(await copy([wantedImage(1, from, to, "v1")], options)).toMatchObject({ done: 1, failed: 0, copied });
  expect(await to.has(layer.descriptor)).toBe(isThere);
  expect(elsewhere.requests).toEqual([]);
  expect(server.count("GET", new RegExp(layer.descriptor.digest))).toBe(isThere ? 1 : 0);
});
