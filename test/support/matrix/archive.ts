/** An archive that somebody wrote, and what must come out of it, whoever reads it. */
import { expect } from "bun:test";
import { type Arrivals, sorted } from "../arrived.ts";

/** How the files of an archive are bytes. */
export type Container = "gzip" | "zstd" | "tar" | "zip" | "dir";

/**
 * How images are files: `dray`, Hangar's folder as Dray writes it, which is an OCI layout too; `hangar`, as Hangar and its
 * forebears write it; `oci` and `docker`, one image layout or what docker save writes; `both` of them at once.
 */
export type Layout = "dray" | "hangar" | "oci" | "docker" | "both";

/** What readers must know to tell whether they can read it at all. */
export interface ArchiveKind {
  readonly container: Container;
  readonly layout: Layout;
  /** It is in more than one file. */
  readonly split: boolean;
  /** It has one image only, which needs no name then. */
  readonly single: boolean;
  /** Its OCI side calls images by their tags alone. */
  readonly bareTags: boolean;
  /** It has what is no image: a chart. */
  readonly charts: boolean;
}

/** An image in an archive. Digests are undefined where the archive does not hold the original bytes. */
export interface ExpectedImage {
  /** In the archive, with whatever registry stands in front there: `127.0.0.1:5096/library/box:latest`. */
  readonly name: string;
  readonly digest: string | undefined;
  /** Whether it is there in Docker's media types. */
  readonly docker: boolean;
  /** Whether `docker load` and its like can take it: not charts, nor layers in zstd. */
  readonly loadable: boolean;
  /** Whether there is an index in its index. Default false. */
  readonly nested?: boolean;
  readonly platforms: readonly {
    readonly platform: string;
    readonly digest: string | undefined;
    readonly layers: readonly string[];
  }[];
}

/** By `repository:tag`, without a registry. */
export type Expected = Readonly<Record<string, ExpectedImage>>;

export interface WrittenArchive {
  /** What `-s` is given. */
  readonly path: string;
  /** Its bytes in order: parts, or the one file; none of a folder. */
  readonly files: readonly string[];
  readonly images: Expected;
}

/** What arrived has to be equal to. */
export function arrivals(images: Expected): Arrivals {
  return Object.fromEntries(
    Object.entries(images).map(([name, { digest, platforms }]) => {
      const known = sorted(platforms.map((one) => ({ ...one, digest: one.digest ?? "" })));
      const any = known.map((one) => ({ ...one, digest: one.digest || someDigest() }));
      return [name, { digest: digest ?? someDigest(), platforms: any }];
    }),
  );
}

function someDigest(): string {
  return expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as unknown as string;
}

/** The images that `isMeant` takes. */
export function only(images: Expected, isMeant: (image: ExpectedImage) => boolean): Expected {
  return Object.fromEntries(Object.entries(images).filter(([, image]) => isMeant(image)));
}

/**
 * What those get who take one platform of each image: without charts and layers in zstd, with a manifest of their own making.
 * `keepsRoot`: under the digest that the image has.
 */
export function onePlatform(images: Expected, keepsRoot = false): Expected {
  const loadable = Object.entries(only(images, (image) => image.loadable));
  return Object.fromEntries(
    loadable.map(([name, image]) => {
      const { platforms, digest } = image;
      const { platform, layers } = platforms.find((one) => one.platform === "linux/amd64") ?? platforms[0]!;
      const taken = [{ platform, digest: undefined, layers }];
      return [name, { ...image, digest: keepsRoot ? digest : undefined, platforms: taken }];
    }),
  );
}

/** The name in an archive of what has one there: `docker.io/library/box:latest` is the `library/box:latest` that is expected. */
export function expectedName(images: Expected, name: string): string {
  const found = Object.keys(images).find((one) => name === one || name.endsWith(`/${one}`));
  if (found === undefined) throw new Error(`${name} is no image of this archive`);
  return found;
}
