/** Version 3 of distribution's registry beside 2.8: what the one has arrives in the other, and back, byte for byte. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { startDebianRegistry } from "../support/debian-registry.ts";
import { expectStored } from "../support/distribution-storage.ts";
import { DISTRIBUTION_3 } from "../support/distributions.ts";
import { openWorkplace } from "../support/dray.ts";
import { upload } from "../support/push.ts";
import { attested, chart, image, multiPlatform } from "../support/random-image.ts";
import { requireTool } from "../support/tool.ts";

setDefaultTimeout(60_000);

const IMAGES = {
  "docker/list": multiPlatform(["linux/amd64", "linux/arm64"], { format: "docker" }),
  "oci/attested": attested(["linux/amd64"]),
  "oci/zstd": image({ compression: "zstd" }),
  "charts/demo": chart(),
};

describe.skipIf(DISTRIBUTION_3 === undefined || requireTool("docker-registry") !== undefined)("distribution 3", () => {
  test.each(["bun", "deno"] as const)("takes from 2.8 and gives back to it, on %s", async (runtime) => {
    await using place = await openWorkplace();
    await using old = await startDebianRegistry();
    await using current = await startDebianRegistry({ program: DISTRIBUTION_3!.program });
    await using returned = await startDebianRegistry();
    for (const [name, artifact] of Object.entries(IMAGES)) await upload(old.host, name, artifact, "v1");
    for (const [from, to] of [
      [old, current],
      [current, returned],
    ] as const) {
      const input = Object.keys(IMAGES)
        .map((name) => `${from.host}/${name}:v1\n`)
        .join("");
      const args = ["mirror", "-d", to.host, "-a", "all", "--os", "all"];
      expect(await place.dray(args, { input, runtime })).toMatchObject({ code: 0 });
      for (const [name, artifact] of Object.entries(IMAGES)) await expectStored(to.root, name, artifact);
    }
  });
});
