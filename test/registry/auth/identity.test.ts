/** Who we are for each repository. */
import { expect, test } from "bun:test";
import { createIdentities } from "../../../src/registry/auth/identity.ts";
import type { Login } from "../../../src/registry/credentials/credential.ts";

function login(password: string, origin = "a file"): Login {
  return { credential: { username: "me", password }, origin, named: true };
}

test("one credential is kept once, however many repositories it is for", async () => {
  const identities = createIdentities(async (path) => login(path.length > 1 ? "other" : "secret"));
  const [a, b, other] = await Promise.all(["a", "b", "cc"].map((path) => identities.at(path)));
  expect(a).toBe(b!);
  expect(other!.key).not.toBe(a!.key);
});

test("from another place it is told as such, and counts as the same", async () => {
  const identities = createIdentities(async (path) => login("secret", path));
  const [a, b] = [await identities.at("a"), await identities.at("b")];
  expect([a!.origin, b!.origin]).toEqual(["a", "b"]);
  identities.accept(a!);
  expect(identities.isAccepted(b!)).toBe(true);
});

test("it is asked for once for each repository, and anew only after it was accepted and ended", async () => {
  const asked: string[] = [];
  const identities = createIdentities(async (path, { renew = false }) => {
    asked.push(renew ? `${path} anew` : path);
    return login(renew ? "new" : "old");
  });
  const old = (await identities.at("a"))!;
  await identities.at("a");
  expect(await identities.renew("a", old)).toBeUndefined();
  identities.accept(old);
  expect((await identities.renew("a", old))!.credential.password).toBe("new");
  expect(asked).toEqual(["a", "a anew"]);
});
