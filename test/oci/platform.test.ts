/** Platforms: their spellings, and what --arch and --os take. */
import { expect, test } from "bun:test";
import {
  EVERYTHING,
  formatPlatform,
  isKnownPlatform,
  normalizePlatform,
  parseConfigPlatform,
  parseSelection,
  selects,
} from "../../src/oci/platform.ts";
import { platformOf } from "../support/random-image.ts";

test.each([
  ["linux/aarch64", "linux/arm64"],
  ["linux/x86_64", "linux/amd64"],
  ["linux/x86-64", "linux/amd64"],
  ["linux/i386", "linux/386"],
  ["linux/i686", "linux/386"],
  ["macOS/ARM64", "darwin/arm64"],
  ["linux/arm64/v8", "linux/arm64"],
  ["linux/arm64/8", "linux/arm64"],
  ["linux/arm64/v9", "linux/arm64/v9"],
  ["linux/amd64/v1", "linux/amd64"],
  ["linux/amd64/v3", "linux/amd64/v3"],
  ["linux/arm/7", "linux/arm/v7"],
  ["linux/arm/V6", "linux/arm/v6"],
])("%s is %s", (written, normal) => {
  expect(formatPlatform(normalizePlatform(platformOf(written)))).toBe(normal);
});

test("a Windows build stays with its platform", () => {
  const platform = { os: "windows", architecture: "amd64", "os.version": "10.0.17763.1" };
  expect(formatPlatform(normalizePlatform(platform))).toBe("windows/amd64:10.0.17763.1");
});

test.each([
  ["amd64", "linux", "linux/amd64", true],
  ["amd64", "linux", "windows/amd64", false],
  ["amd64", "linux", "linux/arm64", false],
  ["amd64, ARM64", "all", "linux/arm64", true],
  ["aarch64", "linux", "linux/arm64/v8", true],
  ["arm", "linux", "linux/arm/v6", true],
  ["arm/v7", "linux", "linux/arm/v7", true],
  ["arm/v7", "linux", "linux/arm/v6", false],
  ["armv7", "linux", "linux/arm/v7", true],
  ["armv7", "linux", "linux/arm64", false],
  ["all", "macos", "darwin/arm64", true],
  ["amd64,all", "linux", "linux/s390x", true],
  ["", "", "plan9/mips", true],
])("-a %p --os %p and %s: %p", (architectures, systems, platform, taken) => {
  expect(selects(parseSelection(architectures, systems), platformOf(platform))).toBe(taken);
});

test.each([
  ["linux/amd64", "write --os linux -a amd64"],
  ["amd64, MacOS/arm64", "write --os macos -a arm64"],
])("-a %p is a platform, not an architecture", (architectures, hint) => {
  let error: unknown;
  try {
    parseSelection(architectures, "linux");
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code: "USAGE", hint });
});

test("everything takes anything", () => {
  expect(selects(EVERYTHING, platformOf("plan9/mips"))).toBe(true);
});

test("a name given twice counts once, and all leaves nothing out", () => {
  expect(parseSelection("amd64,amd64,arm64", "all")).toEqual({ architectures: ["amd64", "arm64"], systems: [] });
});

test.each([
  [undefined, false],
  [{ os: "unknown", architecture: "unknown" }, false],
  [{ os: "linux", architecture: "unknown" }, false],
  [{ os: "unknown", architecture: "amd64" }, false],
  [{ os: "linux", architecture: "" }, false],
  [{ os: "linux", architecture: "amd64" }, true],
])("%p names a machine: %p", (platform, known) => {
  expect(isKnownPlatform(platform)).toBe(known);
});

test.each([
  ['{"os":"linux","architecture":"arm","variant":"v7"}', { os: "linux", architecture: "arm", variant: "v7" }],
  [
    '{"os":"windows","architecture":"amd64","os.version":"10.0"}',
    { os: "windows", architecture: "amd64", "os.version": "10.0" },
  ],
  ['{"os":"linux","architecture":"amd64","variant":7}', { os: "linux", architecture: "amd64" }],
  ['{"os":"linux"}', undefined],
  ["null", undefined],
  ["{", undefined],
] as const)("the config %s is for %p", (text, platform) => {
  expect(parseConfigPlatform(new TextEncoder().encode(text))).toEqual(platform);
});

test.each([
  [{ os: "linux", architecture: "x".repeat(256) }, undefined],
  [{ os: "x".repeat(256), architecture: "arm" }, undefined],
  [
    { os: "linux", architecture: "arm", variant: "x".repeat(256) },
    { os: "linux", architecture: "arm" },
  ],
])("of a config, names that are longer than any are not taken", (config, platform) => {
  expect(parseConfigPlatform(new TextEncoder().encode(JSON.stringify(config)))).toEqual(platform);
});
