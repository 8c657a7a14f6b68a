/** Seeded images and artifacts that real tools accept. OCI image-spec v1.1; Docker image manifest v2 schema 1 and 2; Helm. */
import { gzipSync } from "node:zlib";
import { encode } from "../../src/bytes/stream.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import * as types from "../../src/oci/media-types.ts";
import type { Platform } from "../../src/oci/platform.ts";
import { type Compression, type Format, type Layer, layer, type Part, part, type Seed, tarOf } from "./random-layer.ts";

export { layer, type Part, part, randomBytes, randomNumbers } from "./random-layer.ts";

/** A root with everything it needs. `manifests` has children before parents, the root last. */
export interface Artifact {
  readonly root: Descriptor;
  readonly manifests: readonly Part[];
  /** Distinct. */
  readonly blobs: readonly Part[];
}

export interface ImageOptions {
  readonly seed?: Seed;
  /** Default `linux/amd64`. */
  readonly platform?: string;
  readonly format?: Format;
  /** The layers, or how many to make. Default 2. */
  readonly layers?: number | readonly Layer[];
  /** Bytes of each layer that is made. Default 4,096. */
  readonly size?: number;
  readonly compression?: Compression;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly subject?: Descriptor;
}

/** `linux/arm/v7` as the object that descriptors carry. */
export function platformOf(text: string): Platform {
  const [os = "linux", architecture = "amd64", variant] = text.split("/");
  return { os, architecture, ...(variant ? { variant } : {}) };
}

/** An image of one platform: an OCI manifest, or Docker's version 2 schema 2. */
export function image(options: ImageOptions = {}): Artifact {
  const { seed = 1, platform = "linux/amd64", format = "oci", layers = 2, size = 4096, compression = "gzip" } = options;
  const made =
    typeof layers === "number"
      ? Array.from({ length: layers }, (_, at) => layer(`${seed} ${platform} ${at}`, size, compression, format))
      : layers;
  const config = json(format === "oci" ? types.OCI_CONFIG : types.DOCKER_CONFIG, {
    ...platformOf(platform),
    created: "2024-01-02T03:04:05Z",
    author: `seed ${seed}`,
    config: { Env: ["PATH=/usr/bin"], Cmd: ["/bin/true"] },
    rootfs: { type: "layers", diff_ids: made.map((one) => one.diffID) },
    history: made.map((_, at) => ({ created: "2024-01-02T03:04:05Z", created_by: `layer ${at}` })),
  });
  const { annotations, subject } = options;
  const root = json(
    format === "oci" ? types.OCI_MANIFEST : types.DOCKER_MANIFEST,
    { config: bare(config), layers: made.map(bare), annotations, subject: subject && bare({ descriptor: subject }) },
    { platform: platformOf(platform) },
  );
  return { root: root.descriptor, manifests: [root], blobs: distinct([config, ...made]) };
}

export interface IndexOptions {
  readonly format?: Format;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly subject?: Descriptor;
}

/** An OCI index or a Docker manifest list of whatever roots, in that order; they may be indexes themselves. */
export function index(children: readonly Artifact[], options: IndexOptions = {}): Artifact {
  const { format = "oci", annotations, subject } = options;
  const root = json(format === "oci" ? types.OCI_INDEX : types.DOCKER_LIST, {
    manifests: children.map((child) => child.root),
    annotations,
    subject: subject && bare({ descriptor: subject }),
  });
  return {
    root: root.descriptor,
    manifests: distinct([...children.flatMap((child) => child.manifests), root]),
    blobs: distinct(children.flatMap((child) => child.blobs)),
  };
}

/** An index (or Docker list) of one image for each platform; `options` hold for each of them. */
export function multiPlatform(platforms: readonly string[], options: Omit<ImageOptions, "platform"> = {}): Artifact {
  return index(
    platforms.map((platform) => image({ ...options, platform })),
    options.format ? { format: options.format } : {},
  );
}

/** What buildx pushes: each platform followed, at the end of the index, by its attestation. */
export function attested(platforms: readonly string[], options: Omit<ImageOptions, "platform"> = {}): Artifact {
  const images = platforms.map((platform) => image({ ...options, platform }));
  return index([...images, ...images.map((one) => attestation(one.root))]);
}

function attestation(of: Descriptor): Artifact {
  const statement = json("application/vnd.in-toto+json", {
    _type: "https://in-toto.io/Statement/v0.1",
    predicateType: "https://slsa.dev/provenance/v0.2",
    subject: [{ name: "pkg", digest: { sha256: of.digest.slice(7) } }],
  });
  const config = json(types.OCI_CONFIG, {
    architecture: "unknown",
    os: "unknown",
    config: {},
    rootfs: { type: "layers", diff_ids: [statement.descriptor.digest] },
  });
  const predicate = { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2" };
  const root = json(
    types.OCI_MANIFEST,
    { config: bare(config), layers: [{ ...bare(statement), annotations: predicate }] },
    {
      annotations: {
        "vnd.docker.reference.digest": of.digest,
        "vnd.docker.reference.type": "attestation-manifest",
      },
      platform: { architecture: "unknown", os: "unknown" },
    },
  );
  return { root: root.descriptor, manifests: [root], blobs: [config, statement] };
}

/** A Helm chart as `helm push` stores it. */
export function chart(name = "demo", version = "1.2.3"): Artifact {
  const meta = { apiVersion: "v2", name, version, description: "A chart", type: "application" };
  const yaml = Object.entries(meta).map(([key, value]) => `${key}: ${value}\n`);
  const tar = tarOf({
    [`${name}/Chart.yaml`]: encode(yaml.join("")),
    [`${name}/values.yaml`]: encode("replicas: 1\n"),
    [`${name}/templates/config.yaml`]: encode(
      "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n",
    ),
  });
  const config = json("application/vnd.cncf.helm.config.v1+json", meta);
  const content = part("application/vnd.cncf.helm.chart.content.v1.tar+gzip", new Uint8Array(gzipSync(tar)));
  const root = json(types.OCI_MANIFEST, {
    config: bare(config),
    layers: [bare(content)],
    annotations: { "org.opencontainers.image.title": name, "org.opencontainers.image.version": version },
  });
  return { root: root.descriptor, manifests: [root], blobs: [config, content] };
}

/** An artifact with the empty config that refers to `subject`: a signature, an SBOM. */
export function referrer(
  subject: Descriptor,
  artifactType = "application/vnd.example.signature",
  seed: Seed = 1,
): Artifact {
  const config = part("application/vnd.oci.empty.v1+json", encode("{}"));
  const payload = part("application/vnd.example.payload", encode(`${artifactType} ${seed} of ${subject.digest}`));
  const root = json(
    types.OCI_MANIFEST,
    { artifactType, config: bare(config), layers: [bare(payload)], subject: bare({ descriptor: subject }) },
    { artifactType },
  );
  return { root: root.descriptor, manifests: [root], blobs: [config, payload] };
}

/** Docker's first format, with a made-up signature: enough to be recognised and refused. */
export function schema1(seed: Seed = 1): Artifact {
  const blob = layer(`schema1 ${seed}`, 512, "gzip", "docker");
  const bytes = encode(
    JSON.stringify({
      schemaVersion: 1,
      name: "library/old",
      tag: "latest",
      architecture: "amd64",
      fsLayers: [{ blobSum: blob.descriptor.digest }],
      history: [{ v1Compatibility: JSON.stringify({ id: blob.descriptor.digest.slice(7), os: "linux" }) }],
      signatures: [{ header: { alg: "ES256" }, signature: "c2lnbmF0dXJl", protected: "e30" }],
    }),
  );
  const root = part("application/vnd.docker.distribution.manifest.v1+prettyjws", bytes);
  return { root: root.descriptor, manifests: [root], blobs: [blob] };
}

/** A document as bytes; manifests get their `schemaVersion` and `mediaType` in front. */
function json(mediaType: string, value: object, fields: Partial<Descriptor> = {}): Part {
  const head = types.isManifestType(mediaType) ? { schemaVersion: 2, mediaType } : {};
  return part(mediaType, encode(JSON.stringify({ ...head, ...value })), fields);
}

function bare({ descriptor: { mediaType, digest, size } }: { descriptor: Descriptor }): Descriptor {
  return { mediaType, digest, size };
}

function distinct(parts: readonly Part[]): Part[] {
  return [...new Map(parts.map((one) => [one.descriptor.digest, one])).values()];
}
