/** The flags of all commands, declared once in groups; commands spread the groups they need. */
import type { ArgsDef } from "citty";

export const globalArgs = {
  debug: { type: "boolean", description: "Show every request, and the causes of errors" },
} as const satisfies ArgsDef;

export const registryArgs = {
  "tls-verify": {
    type: "boolean",
    default: true,
    description: "Check TLS certificates",
    negativeDescription: "Do not, and use plain http where a registry speaks no TLS; also --tls-verify=false",
  },
} as const satisfies ArgsDef;

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

export const platformArgs = {
  arch: {
    type: "string",
    alias: "a",
    default: "amd64,arm64",
    valueHint: "LIST",
    description: "Architectures; all takes every one",
  },
  os: {
    type: "string",
    default: "linux,windows",
    valueHint: "LIST",
    description: "Operating systems; all takes every one",
  },
  "no-arch-os-fail": {
    type: "boolean",
    description: "Count an image that has none of the platforms asked for as failed, instead of skipping it",
  },
} as const satisfies ArgsDef;

/** For what lies in an archive or folder already: all of it, unless the user says otherwise. */
export const storedPlatformArgs = {
  arch: { type: "string", alias: "a", default: "all", valueHint: "LIST", description: "Architectures" },
  os: { type: "string", default: "all", valueHint: "LIST", description: "Operating systems" },
} as const satisfies ArgsDef;

export const jobsArgs = {
  jobs: {
    type: "string",
    alias: "j",
    default: "6",
    valueHint: "N",
    description: "Blobs in flight over all images, 1 to 20",
  },
} as const satisfies ArgsDef;

export const compressArgs = {
  compress: {
    type: "string",
    alias: "c",
    valueHint: "gzip|zstd|tar|dir",
    description: "Format; default: the suffix of -d, else gzip",
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
