/** Platforms: their spelling, and which of them the user asked for. OCI image-spec v1.1 image-index.md "platform". */
import { AppError } from "../errors.ts";
import { parseJson } from "./json.ts";

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly "os.version"?: string;
}

/** Characters of each of its names: far more than any has. */
const LONGEST = 255;

const ARCHITECTURES: Readonly<Record<string, string>> = {
  aarch64: "arm64",
  x86_64: "amd64",
  "x86-64": "amd64",
  i386: "386",
  i686: "386",
};

/** Common synonyms become the names that registries use; a variant that means the default is dropped. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase() === "macos" ? "darwin" : platform.os.toLowerCase();
  const spelt = platform.architecture.toLowerCase();
  const architecture = ARCHITECTURES[spelt] ?? spelt;
  const variant = defaultVariant(architecture, platform.variant?.toLowerCase());
  const version = platform["os.version"];
  return { os, architecture, ...(variant ? { variant } : {}), ...(version ? { "os.version": version } : {}) };
}

function defaultVariant(architecture: string, variant: string | undefined): string | undefined {
  if (architecture === "arm64" && (variant === "v8" || variant === "8")) return undefined;
  if (architecture === "amd64" && variant === "v1") return undefined;
  return variant && /^\d/.test(variant) ? `v${variant}` : variant;
}

/** `linux/arm/v7`, with the Windows build behind a colon: `windows/amd64:10.0.17763.1234`. */
export function formatPlatform(platform: Platform): string {
  const version = platform["os.version"];
  const path = [platform.os, platform.architecture, platform.variant].filter(Boolean).join("/");
  return version ? `${path}:${version}` : path;
}

/** Whether a document's value can be one of a platform's names. Those of all images are held, so that they are short. */
export function isPlatformName(value: unknown): value is string {
  return typeof value === "string" && value.length <= LONGEST;
}

/** Whether it names a machine at all: BuildKit gives its attestations `unknown/unknown`. */
export function isKnownPlatform(platform: Platform | undefined): platform is Platform {
  if (platform === undefined) return false;
  return platform.architecture !== "unknown" && platform.architecture !== "" && platform.os !== "unknown";
}

/** The platform that an image's config names; undefined where it names none. OCI image-spec v1.1 config.md. */
export function parseConfigPlatform(bytes: Uint8Array): Platform | undefined {
  let config: unknown;
  try {
    config = parseJson(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof config !== "object" || config === null) return undefined;
  const { os, architecture, variant, "os.version": version } = config as Record<string, unknown>;
  if (!isPlatformName(os) || !isPlatformName(architecture)) return undefined;
  return {
    os,
    architecture,
    ...(isPlatformName(variant) ? { variant } : {}),
    ...(isPlatformName(version) ? { "os.version": version } : {}),
  };
}

/** The platforms of one run. */
export interface Selection {
  readonly architectures: readonly string[];
  readonly systems: readonly string[];
}

/** What images are made for, by Go's names. */
export const KNOWN_ARCHITECTURES: readonly string[] =
  "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc ppc64 ppc64le riscv64 s390 s390x sparc64 wasm".split(
    " ",
  );
export const KNOWN_SYSTEMS: readonly string[] =
  "aix android darwin dragonfly freebsd illumos ios js linux netbsd openbsd plan9 solaris wasip1 windows".split(" ");

/**
 * A selection from what `--arch` and `--os` take: names split at commas, synonyms understood. `arm` is every variant,
 * `arm/v7` or `armv7` is that one; `all` (or no name at all) is everything. Throws USAGE for an architecture that begins with a
 * system, as docker writes platforms.
 */
export function parseSelection(architectures: string, systems: string): Selection {
  return {
    architectures: names(architectures).map(parseArchitecture),
    systems: names(systems).map((name) => (name === "macos" ? "darwin" : name)),
  };
}

function parseArchitecture(name: string): string {
  const [first = "", ...rest] = name.split("/");
  if (rest.length > 0 && (first === "macos" || KNOWN_SYSTEMS.includes(first)))
    throw new AppError("USAGE", `Cannot take "${name}" for an architecture: it begins with an operating system`, {
      hint: `write --os ${first} -a ${rest.join("/")}`,
    });
  return ARCHITECTURES[name] ?? name.replace(/^arm(v\d)$/, "arm/$1");
}

function names(list: string): string[] {
  const all = list
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter(Boolean);
  return all.includes("all") ? [] : [...new Set(all)];
}

/** Nothing is left out. */
export const EVERYTHING: Selection = { architectures: [], systems: [] };

/** Whether the selection takes a known platform. An empty list takes all. */
export function selects(selection: Selection, platform: Platform): boolean {
  const { os, architecture, variant } = normalizePlatform(platform);
  const { architectures, systems } = selection;
  if (systems.length > 0 && !systems.includes(os)) return false;
  if (architectures.length === 0 || architectures.includes(architecture)) return true;
  return variant !== undefined && architectures.includes(`${architecture}/${variant}`);
}
