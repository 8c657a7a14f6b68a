/** Where logins are looked up, and where one is written. */
import { describe, expect, test } from "bun:test";
import { checkAuthFile, credentialFiles, loginFile } from "../../src/cli/credential-files.ts";
import { errorOf } from "../support/thrown.ts";

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
