/** What the writers and readers of the matrix work with: a registry to save from, a folder, containerd. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { type Arrivals, arrivedIn } from "../arrived.ts";
import { type Containerd, requireContainerd, startContainerd } from "../containerd.ts";
import { openWorkplace, type Workplace } from "../dray.ts";
import { pushTo } from "../push.ts";
import { type Artifact, attested, chart, image, index, layer, multiPlatform } from "../random-image.ts";
import { startRegistry, type TestRegistry } from "../registry.ts";
import type { Expected } from "./archive.ts";
import { foreignImages } from "./foreign.ts";

const BOTH = ["linux/amd64", "linux/arm64"];
const shared = layer("shared", 800_000, "gzip", "docker");
const ARTIFACTS = {
  "team/index:v1": multiPlatform(BOTH, { seed: "index" }),
  "team/list:v2": multiPlatform(BOTH, { seed: "list", format: "docker" }),
  "team/single:v3": image({ seed: "single", format: "docker", layers: [shared] }),
  "team/sharing:v4": image({
    seed: "sharing",
    format: "docker",
    layers: [shared, layer("own", 5000, "gzip", "docker")],
  }),
  "team/zstd:v5": image({ seed: "zstd", compression: "zstd" }),
  "team/attested:v6": attested(BOTH, { seed: "attested" }),
  "team/nested:v7": index([multiPlatform(BOTH, { seed: "inner" }), image({ seed: "beside", platform: "linux/s390x" })]),
  "charts/demo:1.2.3": chart(),
} as const satisfies Readonly<Record<string, Artifact>>;

export type SourceName = keyof typeof ARTIFACTS;
/** What the writers save. */
export const SOURCE_NAMES = Object.keys(ARTIFACTS) as readonly SourceName[];

export interface World extends AsyncDisposable {
  /** What is in a registry, named after it. */
  readonly images: Expected;
  /** What was in the registry of the foreign archives. */
  readonly foreign: Arrivals;
  readonly place: Workplace;
  /** Undefined where it cannot run. */
  readonly containerd: Containerd | undefined;
  /** A new folder below that of `place`. */
  folder(): Promise<string>;
}

export async function openWorld(): Promise<World> {
  const needs = new AsyncDisposableStack();
  const registry = needs.use(await startRegistry());
  const place = needs.use(await openWorkplace());
  const containerd = requireContainerd() === undefined ? needs.use(await startContainerd()) : undefined;
  return {
    images: await pushAll(registry),
    foreign: await foreignImages(),
    place,
    containerd,
    folder: () => mkdtemp(join(place.path, "cell-")),
    [Symbol.asyncDispose]: () => needs.disposeAsync(),
  };
}

async function pushAll(registry: TestRegistry): Promise<Expected> {
  for (const [name, artifact] of Object.entries(ARTIFACTS)) {
    const [path, tag] = name.split(":");
    await pushTo(registry.store.repository(path!), artifact, tag!);
  }
  const arrived = await arrivedIn(registry.store);
  return Object.fromEntries(
    SOURCE_NAMES.map((name) => {
      const { root } = ARTIFACTS[name];
      const loadable = !/zstd|charts/.test(name);
      const nested = name.includes("nested");
      return [
        name,
        {
          ...arrived[name]!,
          name: `${registry.host}/${name}`,
          docker: root.mediaType.includes("docker"),
          loadable,
          nested,
        },
      ];
    }),
  );
}
