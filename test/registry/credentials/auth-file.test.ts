/** Credential files as docker and podman write them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { credentialsFromFiles } from "../../../src/registry/credentials/auth-file.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/temporary.ts";

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

let count = 0;
async function file(content: unknown, name = `${++count}.json`): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const AUTH = Buffer.from("me:pass:word").toString("base64");
const ME = { username: "me", password: "pass:word" };

test.each([
  ["r.example", "r.example"],
  ["r.example:5000", "r.example:5000"],
  ["https://r.example", "r.example"],
  ["https://r.example/v1/", "r.example"],
  ["r.example/v2/", "r.example"],
  ["R.example", "r.example"],
  ["https://index.docker.io/v1/", "docker.io"],
  ["registry-1.docker.io", "docker.io"],
  ["docker.io", "index.docker.io"],
])("the key %s is for %s", async (key, host) => {
  const find = credentialsFromFiles([await file({ auths: { [key]: { auth: AUTH } } })]);
  expect(await find(host)).toEqual(ME);
  expect(await find("other.example")).toBeUndefined();
});

test("not another port, nor a namespace of it", async () => {
  const find = credentialsFromFiles([
    await file({ auths: { "r.example:5000": { auth: AUTH }, "r.example/team": { auth: AUTH } } }),
  ]);
  expect(await find("r.example")).toBeUndefined();
});

test("the exact key wins in a file, the first file among files", async () => {
  const other = Buffer.from("other:x").toString("base64");
  const first = await file({ auths: { "https://r.example/v1/": { auth: other }, "r.example": { auth: AUTH } } });
  const second = await file({ auths: { "r.example": { auth: other }, "s.example": { auth: other } } });
  const find = credentialsFromFiles([join(folder.path, "absent"), first, second]);
  expect(await find("r.example")).toEqual(ME);
  expect((await find("s.example"))?.username).toBe("other");
});

test("an empty entry, as helpers leave it, is passed over", async () => {
  const find = credentialsFromFiles([
    await file({ auths: { "r.example": {} }, credsStore: "desktop" }),
    await file({ auths: { "r.example": { auth: AUTH } } }),
  ]);
  expect(await find("r.example")).toEqual(ME);
});

test("plain fields, identity tokens, padding, Docker's first format", async () => {
  const padded = Buffer.from("me:pass:word\0\0").toString("base64");
  const find = credentialsFromFiles([
    await file({
      auths: {
        "a.example": { username: "me", password: "pass:word" },
        "b.example": { auth: Buffer.from("00000000:").toString("base64"), identitytoken: "refresh" },
        "c.example": { identitytoken: "refresh" },
        "d.example": { auth: padded },
      },
    }),
    await file({ "https://e.example": { auth: AUTH } }, ".dockercfg"),
  ]);
  expect(await find("a.example")).toEqual(ME);
  expect(await find("b.example")).toEqual({ username: "00000000", password: "", identityToken: "refresh" });
  expect(await find("c.example")).toEqual({ username: "<token>", password: "", identityToken: "refresh" });
  expect(await find("d.example")).toEqual(ME);
  expect(await find("e.example")).toEqual(ME);
});

test.each(["{", "[]", '{"auths":[]}', '{"auths":{"r.example":1}}', '{"auths":{"r.example":{"auth":"bm9wZQ=="}}}'])(
  "names the malformed file: %s",
  async (content) => {
    const path = await file(content);
    const error = await credentialsFromFiles([path])("r.example").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "USAGE", message: expect.stringContaining(path) });
    expect(JSON.stringify(error)).not.toContain("nope");
  },
);
