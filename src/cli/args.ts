/** The flags of all commands, declared once in groups; commands spread the groups they need. */
import type { ArgsDef } from "citty";
import { JOBS } from "./jobs.ts";

export const globalArgs = {
  debug: { type: "boolean", description: "Show every request, and the causes of errors" },
} as const satisfies ArgsDef;

/** For whoever talks to registries. */
export const registryArgs = {
  username: {
    type: "string",
    valueHint: "NAME",
    description:
      "Who to be at the registry of --source (save, sync, repair), else of --destination; instead of what dray login stored",
  },
  "password-stdin": { type: "boolean", description: "Read the password of --username from standard input" },
  authfile: {
    type: "string",
    valueHint: "FILE",
    description: "File of stored logins, instead of those of docker and podman; also REGISTRY_AUTH_FILE",
  },
  "tls-verify": {
    type: "boolean",
    default: true,
    description: "Check TLS certificates",
    negativeDescription: "Do not, and use plain http where a registry speaks no TLS; also --tls-verify=false",
  },
  "ca-file": {
    type: "string",
    valueHint: "FILE",
    description: "Certificates (PEM) to trust besides those of the system",
  },
  "trusted-realm": {
    type: "string",
    valueHint: "LIST",
    description: "Token servers, HOST[:PORT], that may see credentials although they are not of the registry's domain",
  },
  "per-host": {
    type: "string",
    valueHint: "N",
    description: `Uploads, downloads and small requests in flight at one host, N of each; default: --jobs, else ${JOBS}`,
  },
  rps: {
    type: "string",
    valueHint: "N",
    description: "Requests a second to one host, such as 5 or 0.5; default: no limit",
  },
  rate: {
    type: "string",
    valueHint: "SIZE",
    description: "Bytes a second in each direction over all hosts, such as 50M; default: no limit",
  },
  "hub-reserve": {
    type: "string",
    valueHint: "N",
    description: "Stop before the last N pulls that Docker Hub allows",
  },
} as const satisfies ArgsDef;

/** For commands with both a source and a destination registry, and those with a source only. */
export const sourceArgs = sideArgs("src", "source");

/** For commands with a destination registry. */
export const destinationArgs = sideArgs("dest", "destination");

function sideArgs<const Side extends string>(side: Side, name: string) {
  return {
    [`${side}-username`]: { type: "string", valueHint: "NAME", description: `--username for the ${name}` },
    [`${side}-password-stdin`]: { type: "boolean", description: `--password-stdin for the ${name}` },
    [`${side}-tls-verify`]: {
      type: "boolean",
      default: true,
      description: `--tls-verify for the ${name} only`,
      negativeDescription: `--tls-verify=false for the ${name} only`,
    },
  } as SideArgs<Side>;
}

type SideArgs<Side extends string> = {
  readonly [Name in `${Side}-username`]: { readonly type: "string"; readonly valueHint: string };
} & {
  readonly [Name in `${Side}-password-stdin`]: { readonly type: "boolean" };
} & {
  readonly [Name in `${Side}-tls-verify`]: { readonly type: "boolean"; readonly default: true };
};

export const listArgs = {
  file: {
    type: "string",
    alias: "f",
    valueHint: "FILE",
    description: "Image list, one a line; - or nothing reads standard input",
  },
  source: {
    type: "string",
    alias: "s",
    valueHint: "REGISTRY",
    description: "Registry that takes the place of those in the list",
  },
} as const satisfies ArgsDef;

/** For commands that take some of the images of an archive. `multiple` is no word of citty's. */
export const chooseArgs = {
  only: {
    type: "string",
    multiple: true,
    valueHint: "GLOB",
    description: "Take only images of such names, as in 'rancher/*:v2.8*'; repeated, or several with commas",
  },
} as const;

const ARCH = "Architectures; all takes every one";
const OS = "Operating systems; all takes every one";

export const platformArgs = {
  arch: {
    type: "string",
    alias: "a",
    default: "amd64,arm64",
    valueHint: "LIST",
    description: ARCH,
  },
  os: {
    type: "string",
    default: "linux,windows",
    valueHint: "LIST",
    description: OS,
  },
  "no-arch-os-fail": {
    type: "boolean",
    description: "Count an image that has none of the platforms asked for as failed, instead of skipping it",
  },
} as const satisfies ArgsDef;

/** For commands that move images with what is attached to them. */
export const referrerArgs = {
  referrers: {
    type: "boolean",
    default: true,
    description: "Take signatures, SBOMs and attestations along",
    negativeDescription: "Leave them out",
  },
} as const satisfies ArgsDef;

/** For what lies in an archive or folder already: all of it, unless the user says otherwise. */
export const storedPlatformArgs = {
  arch: { type: "string", alias: "a", default: "all", valueHint: "LIST", description: ARCH },
  os: { type: "string", default: "all", valueHint: "LIST", description: OS },
} as const satisfies ArgsDef;

/** For commands to which both of that applies: they take the defaults of the one or the other. */
export const eitherPlatformArgs = {
  arch: { type: "string", alias: "a", valueHint: "LIST", description: eitherOf(ARCH, "arch") },
  os: { type: "string", valueHint: "LIST", description: eitherOf(OS, "os") },
  "no-arch-os-fail": platformArgs["no-arch-os-fail"],
} as const satisfies ArgsDef;

function eitherOf(description: string, flag: "arch" | "os"): string {
  return `${description}; default: ${platformArgs[flag].default}, of an archive ${storedPlatformArgs[flag].default}`;
}

export const jobsArgs = {
  jobs: {
    type: "string",
    alias: "j",
    default: String(JOBS),
    valueHint: "N",
    description: "Blobs moved at once, over all images, 1 to 20",
  },
} as const satisfies ArgsDef;

/** For commands that fill a cache folder. */
export const folderArgs = {
  destination: {
    type: "string",
    alias: "d",
    valueHint: "FOLDER",
    description: "Cache folder to add to; made where it is not there",
  },
} as const satisfies ArgsDef;

/** For commands that write an archive: which, and of what format. */
export const targetArgs = {
  destination: {
    type: "string",
    alias: "d",
    valueHint: "FILE",
    description: "Archive to write, - for standard output; default: saved-images with the suffix of its format",
  },
  compress: {
    type: "string",
    alias: "c",
    valueHint: "gzip|zstd|tar|dir",
    description: "Format; default: the suffix of -d, else gzip (tar with --layout oci)",
  },
} as const satisfies ArgsDef;

/** For the same: what it is like. */
export const archiveArgs = {
  layout: {
    type: "string",
    default: "hangar",
    valueHint: "hangar|oci",
    description: "How images lie in it: as Hangar loads them, or as an OCI layout that docker, podman and skopeo load",
  },
  level: {
    type: "string",
    valueHint: "N",
    description: "How hard to compress what is not compressed yet: gzip 1 to 9, zstd 1 to 22; default: 6, 3",
  },
  part: { type: "boolean", description: "Split it into FILE.part0, FILE.part1, ... of 2G each" },
  "part-size": { type: "string", valueHint: "SIZE", description: "Split it into parts of this size, such as 700M" },
  checksum: {
    type: "boolean",
    description: "Write FILE.sha256 beside it, as sha256sum -c reads it; parts always have it",
  },
} as const satisfies ArgsDef;

/** What is said of a flag for the format, where it counts for nothing. */
export const FORMAT_IGNORED = "Accepted for older scripts; the format is found by looking";

/** For commands that read an archive, whoever wrote it. */
export const readArgs = {
  "spool-dir": {
    type: "string",
    valueHint: "FOLDER",
    description: "Folder for what must be unpacked; default: the system's",
  },
} as const satisfies ArgsDef;

export const cacheArgs = {
  "cache-dir": {
    type: "string",
    default: "saved-image-cache",
    valueHint: "FOLDER",
    description: "Folder for what was downloaded; it stays, and the next run resumes from it",
  },
} as const satisfies ArgsDef;

/** The list of images that failed, named after the command. */
export function failedArgs<const Name extends string>(command: Name) {
  return {
    failed: {
      type: "string",
      alias: "o",
      default: `${command}-failed.txt`,
      valueHint: "FILE",
      description: "List of the images that failed",
    },
  } as const satisfies ArgsDef;
}
