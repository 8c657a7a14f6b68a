/** Several sources of logins as one. */
import { expect, test } from "bun:test";
import { AppError } from "../../../src/errors.ts";
import type { LookUp } from "../../../src/registry/credentials/credential.ts";
import { createKeychain, givenLogin } from "../../../src/registry/credentials/keychain.ts";
import { errorOf } from "../../support/thrown.ts";

const ME = { username: "me", password: "secret" };

test("a given login is for its own registry, and below its path", async () => {
  const { find, registries } = givenLogin({ host: "R.example", path: "team" }, ME, "--username");
  const login = { credential: ME, origin: "--username", named: true };
  expect(await find("r.example", "team/app")).toEqual(login);
  expect(await find("r.example", "team")).toEqual(login);
  expect(await find("r.example", "other/app")).toBeUndefined();
  expect(await find("r.example.evil.test", "team/app")).toBeUndefined();
  expect(await registries()).toEqual([{ host: "r.example", path: "team" }]);
});

test("the first that knows decides, and later ones are not asked", async () => {
  const asked: string[] = [];
  function source(name: string, host: string) {
    return {
      find: async (wanted: string, path: string, options?: LookUp) => {
        asked.push(`${name} ${wanted} ${path} ${options?.renew === true}`);
        return wanted === host ? { credential: ME, origin: name, named: true } : undefined;
      },
    };
  }
  const keychain = createKeychain([source("a", "a.example"), source("b", "b.example"), source("c", "b.example")]);
  expect((await keychain("b.example", "app", { renew: true }))?.origin).toBe("b");
  expect(asked).toEqual(["a b.example app true", "b b.example app true"]);
  expect(await keychain("z.example", "")).toBeUndefined();
});

test("what a source throws ends the search: nobody is tried in the place of somebody", async () => {
  const broken = {
    find: async () => {
      throw new AppError("USAGE", "Cannot read it");
    },
  };
  const keychain = createKeychain([broken, givenLogin({ host: "r.example", path: "" }, ME, "flag")]);
  expect(await errorOf(() => keychain("r.example", ""))).toBe("USAGE: Cannot read it");
});
