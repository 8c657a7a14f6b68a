/** Where logins are looked up, and where one is written. */
import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkAuthFile, credentialFiles, loginFile, storedLogins } from "../../src/cli/credential-files.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";
import { testWithoutRights } from "../support/without-rights.ts";

const HOME = { HOME: "/h", XDG_RUNTIME_DIR: "/run/user/7" };
const RUNTIME = process.platform === "linux" ? ["/run/user/7/containers/auth.json"] : [];

describe("looked up", () => {
  test.each<[string, string | undefined, Record<string, string>, readonly string[]]>([
    [
      "in all places",
      undefined,
      HOME,
      [...RUNTIME, "/h/.config/containers/auth.json", "/h/.docker/config.json", "/h/.dockercfg"],
    ],
    [
      "in DOCKER_CONFIG first",
      undefined,
      { ...HOME, DOCKER_CONFIG: "/d" },
      ["/d/config.json", ...RUNTIME, "/h/.config/containers/auth.json", "/h/.dockercfg"],
    ],
    [
      "in XDG_CONFIG_HOME",
      undefined,
      { ...HOME, XDG_CONFIG_HOME: "/x" },
      [...RUNTIME, "/x/containers/auth.json", "/h/.docker/config.json", "/h/.dockercfg"],
    ],
    ["in REGISTRY_AUTH_FILE only", undefined, { ...HOME, DOCKER_CONFIG: "/d", REGISTRY_AUTH_FILE: "/a" }, ["/a"]],
    ["in --authfile only", "/f", { ...HOME, REGISTRY_AUTH_FILE: "/a" }, ["/f"]],
    [
      "nowhere that an empty variable names",
      "",
      { ...HOME, DOCKER_CONFIG: "", REGISTRY_AUTH_FILE: "", XDG_CONFIG_HOME: "" },
      [...RUNTIME, "/h/.config/containers/auth.json", "/h/.docker/config.json", "/h/.dockercfg"],
    ],
  ])("%s", (_, authfile, env, expected) => {
    expect(credentialFiles(authfile, env)).toEqual(expected);
  });

  test.skipIf(process.platform !== "linux")("in the system's runtime folder without XDG_RUNTIME_DIR", () => {
    expect(credentialFiles(undefined, { HOME: "/h" })[0]).toBe(`/run/containers/${process.getuid?.()}/auth.json`);
  });
});

test("written to the file that is named, else to docker's", () => {
  const env = { ...HOME, DOCKER_CONFIG: "/d", REGISTRY_AUTH_FILE: "/a" };
  expect(loginFile("/f", env)).toBe("/f");
  expect(loginFile(undefined, env)).toBe("/a");
  expect(loginFile(undefined, { ...HOME, DOCKER_CONFIG: "/d" })).toBe("/d/config.json");
  expect(loginFile(undefined, HOME)).toBe("/h/.docker/config.json");
});

test("a file that a flag names must be there", async () => {
  await checkAuthFile(undefined);
  await checkAuthFile(import.meta.path);
  const missing = `${import.meta.path}.none`;
  expect(await errorOf(() => checkAuthFile(missing))).toBe(
    `USAGE: Cannot read credentials "${missing}": there is no such file, or it may not be read`,
  );
});

test("a REGISTRY_AUTH_FILE that is not there is told, unless a flag names another", () => {
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  const missing = `${import.meta.path}.none`;
  storedLogins(import.meta.path, { ...HOME, REGISTRY_AUTH_FILE: missing }, onWarning);
  storedLogins(undefined, { ...HOME, REGISTRY_AUTH_FILE: import.meta.path }, onWarning);
  storedLogins(undefined, HOME, onWarning);
  expect(warnings).toEqual([]);
  storedLogins(undefined, { ...HOME, REGISTRY_AUTH_FILE: missing }, onWarning);
  expect(warnings).toEqual([`REGISTRY_AUTH_FILE is "${missing}", and there is no such file: no other is looked at`]);
});

testWithoutRights("a file that a flag names must be readable", import.meta.path, async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "auth.json");
  await writeFile(path, "{}", { mode: 0 });
  expect(await errorOf(() => checkAuthFile(path))).toContain("or it may not be read");
});
