/** Files of logins as docker and podman write them. */
import { describe, expect, test } from "bun:test";
import { credentialOf, parseAuthFile } from "../../../src/registry/credentials/auth-file.ts";
import type { Credential } from "../../../src/registry/credentials/credential.ts";
import { errorOf } from "../../support/thrown.ts";

const FILE = "/home/me/.docker/config.json";

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function onlyEntry(fields: unknown): Credential | undefined {
  const { entries } = parseAuthFile(JSON.stringify({ auths: { "r.example": fields } }), FILE);
  return credentialOf(entries[0]!, FILE);
}

describe("an entry", () => {
  const ME = { username: "me", password: "pass:word" };
  test.each<[string, unknown, Credential | undefined]>([
    ["auth", { auth: base64("me:pass:word") }, ME],
    ["padded auth", { auth: base64("me:pass:word\0\0") }, ME],
    ["plain fields", { username: "me", password: "pass:word" }, ME],
    ["auth before plain fields", { auth: base64("me:pass:word"), username: "you", password: "x" }, ME],
    ["plain fields with an empty auth", { auth: "", username: "me", password: "pass:word" }, ME],
    [
      "an identity token",
      { identitytoken: "refresh" },
      { username: "<token>", password: "", identityToken: "refresh" },
    ],
    [
      "an identity token with auth",
      { auth: base64("00000000:"), identitytoken: "refresh" },
      { username: "00000000", password: "", identityToken: "refresh" },
    ],
    ["a registry token", { registrytoken: "jwt" }, { username: "<token>", password: "", registryToken: "jwt" }],
    ["nothing", {}, undefined],
    ["null", null, undefined],
    ["something else", { email: "me@example.com" }, undefined],
    ["a user name alone", { username: "me" }, undefined],
  ])("with %s", (_, fields, expected) => {
    expect(onlyEntry(fields)).toEqual(expected);
  });

  test.each([
    ["no colon", { auth: base64("topsecret") }, '"auth" of "r.example" is not base64 of user:password'],
    [
      "a user that Basic cannot carry",
      { username: "a:b", password: "topsecret" },
      'the user name of "r.example" is not one',
    ],
    ["a token of two lines", { registrytoken: "topsecret\nx" }, '"registrytoken" of "r.example" is not a token'],
  ])("with %s is refused without showing it", async (_, fields, reason) => {
    const error = await errorOf(() => onlyEntry(fields));
    expect(error).toBe(`USAGE: Cannot read credentials "${FILE}": ${reason}`);
  });
});

test("keys for less come first, then the usual spelling", () => {
  const keys = ["https://r.example/v1/", "r.example", "r.example/a", "r.example/a/b", "docker.io"];
  const text = JSON.stringify({ auths: Object.fromEntries(keys.map((key) => [key, {}])) });
  const { entries } = parseAuthFile(text, FILE);
  const found = entries.filter(({ host }) => host === "r.example").map(({ key }) => key);
  expect(found).toEqual(["r.example/a/b", "r.example/a", "r.example", "https://r.example/v1/"]);
});

test("programs are found by every spelling of the registry", () => {
  const credHelpers = {
    "https://index.docker.io/v1/": "hub",
    "R.example": "ecr-login",
    "s.example": "",
    "t.example/team": "x",
  };
  const { helpers, store } = parseAuthFile(JSON.stringify({ credHelpers, credsStore: "pass" }), FILE);
  expect([...helpers]).toEqual([
    ["docker.io", "hub"],
    ["r.example", "ecr-login"],
    ["s.example", ""],
  ]);
  expect(store).toBe("pass");
});

test("Docker's first format is the map itself, which names no programs", () => {
  const text = JSON.stringify({ "https://r.example": { auth: base64("me:x") }, credsStore: {} });
  const { entries, store } = parseAuthFile(text, "/home/me/.dockercfg");
  expect(entries.map(({ host }) => host)).toEqual(["r.example", "credsstore"]);
  expect(store).toBeUndefined();
});

test.each(["", "  \n", "{}", '\ufeff{"auths":{}}', '{"auths":null,"credHelpers":null,"credsStore":""}'])(
  "%j has nothing",
  (text) => {
    const { entries, helpers, store } = parseAuthFile(text, FILE);
    expect([entries.length, helpers.size, store]).toEqual([0, 0, undefined]);
  },
);

test.each([
  ['{"topsecret', "it is not JSON"],
  ['["topsecret"]', "it is not a JSON object"],
  ['{"auths":["topsecret"]}', '"auths" is not an object'],
  ['{"auths":{"r.example":"topsecret"}}', 'the entry of "r.example" is not an object'],
  ['{"credHelpers":"topsecret"}', '"credHelpers" is not an object'],
  ['{"credHelpers":{"r.example":"../topsecret"}}', 'credHelpers of "r.example" is not the name of a program'],
  ['{"credsStore":"pass; topsecret"}', "credsStore is not the name of a program"],
  ['{"credsStore":7}', "credsStore is not the name of a program"],
])("%s is refused: %s", async (text, reason) => {
  expect(await errorOf(() => parseAuthFile(text, FILE))).toBe(`USAGE: Cannot read credentials "${FILE}": ${reason}`);
});
