/** TLS: what is trusted, and what is shown. */
import { describe, expect, test } from "bun:test";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { getCACertificates } from "node:tls";
import { systemRoots } from "../../../src/registry/network/system-roots.ts";
import { createTrust } from "../../../src/registry/network/tls.ts";
import { testOnBoth } from "../../support/both-runtimes.ts";
import { createAuthority } from "../../support/certificates.ts";
import { temporaryFolder } from "../../support/temporary.ts";
import { errorOf } from "../../support/thrown.ts";
import { testWithoutRights } from "../../support/without-rights.ts";
import { cases } from "./tls-cases.ts";

testOnBoth(cases, join(import.meta.dirname, "tls-cases.ts"));

const AUTHORITY = createAuthority();
const PAIR = AUTHORITY.issue({ commonName: "me" });
const NOWHERE = { files: [], folders: [] };

/** Writes `files` into a folder of `host` and asks for the material of `host`. */
async function errorWith(files: Readonly<Record<string, string>>, host = "r.example:5000"): Promise<string> {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, host));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, host, name), text);
  const trust = createTrust({ certs: [folder.path], system: NOWHERE });
  return (await errorOf(() => trust(host, host))).replaceAll(join(folder.path, host), "");
}

describe("certs.d", () => {
  test("a client certificate without its key, or the other way round, is an error", async () => {
    expect(await errorWith({ "me.cert": PAIR.cert })).toBe(
      'USAGE: Cannot use "/me.cert": its key me.key is not beside it; the file of an authority ends with .crt',
    );
    expect(await errorWith({ "me.key": PAIR.key })).toBe(
      'USAGE: Cannot use "/me.key": its certificate me.cert is not beside it',
    );
  });

  test("a file that holds no certificate is an error", async () => {
    expect(await errorWith({ "ca.crt": "" })).toBe('USAGE: Cannot use "/ca.crt": it holds no certificate in PEM');
    const broken = AUTHORITY.cert.replace(/\n[A-Za-z0-9+/]{64}\n/, "\n");
    expect(await errorWith({ "ca.crt": AUTHORITY.cert + broken })).toBe(
      'USAGE: Cannot use "/ca.crt": its certificate 2 is malformed',
    );
  });

  test("the first folder that has the host counts, whatever is in it", async () => {
    await using folder = await temporaryFolder();
    for (const path of ["first", "second/r.example", "third/r.example"])
      await mkdir(join(folder.path, path), { recursive: true });
    await writeFile(join(folder.path, "third/r.example/ca.crt"), AUTHORITY.cert);
    await writeFile(join(folder.path, "second/r.example/README"), "");
    const certs = ["first", "second", "third"].map((name) => join(folder.path, name));
    expect((await createTrust({ certs, system: NOWHERE })("r.example", "r.example")).added).toEqual([]);
    const [first, , third] = certs;
    const trust = createTrust({ certs: [first!, third!], system: NOWHERE });
    expect((await trust("r.example", "r.example")).added).toEqual([AUTHORITY.cert.trimEnd()]);
    expect((await trust("r.example:5000", "r.example:5000")).added).toEqual([]);
  });

  testWithoutRights("what may not be looked at is passed over", import.meta.path, async () => {
    await using folder = await temporaryFolder();
    for (const name of ["closed", "open"]) await mkdir(join(folder.path, name, "r.example"), { recursive: true });
    await writeFile(join(folder.path, "open/r.example/ca.crt"), AUTHORITY.cert);
    await chmod(join(folder.path, "closed"), 0o000);
    const certs = ["closed", "open"].map((name) => join(folder.path, name));
    const { added } = await createTrust({ certs, system: NOWHERE })("r.example", "r.example");
    await chmod(join(folder.path, "closed"), 0o700);
    expect(added).toHaveLength(1);
  });

  test("a registry cannot send us, as ourselves, to another one", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "r.example:5000"));
    for (const [name, text] of Object.entries({ "ca.crt": AUTHORITY.cert, "me.cert": PAIR.cert, "me.key": PAIR.key }))
      await writeFile(join(folder.path, "r.example:5000", name), text);
    const trust = createTrust({ certs: [folder.path], system: NOWHERE });
    const clients = [
      await trust("r.example:5000", "r.example:5000"),
      await trust("r.example:5000", "r.example:5001"),
      await trust("evil.example", "r.example:5000"),
      await trust("r.example:5000", "evil.example"),
    ].map(({ client, added }) => [added.length, client?.cert]);
    expect(clients).toEqual([
      [1, PAIR.cert],
      [1, PAIR.cert],
      [1, undefined],
      [1, undefined],
    ]);
  });

  test("Docker Hub has its user-visible name, and the client certificate of it", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "docker.io"));
    for (const [name, text] of Object.entries({ "ca.crt": AUTHORITY.cert, "me.cert": PAIR.cert, "me.key": PAIR.key }))
      await writeFile(join(folder.path, "docker.io", name), text);
    const trust = createTrust({ certs: [folder.path], system: NOWHERE });
    const hub = await trust("docker.io", "registry-1.docker.io");
    expect([hub.added.length, hub.client?.cert]).toEqual([1, PAIR.cert]);
    const token = await trust("docker.io", "auth.docker.io");
    expect([token.added.length, token.client]).toEqual([1, undefined]);
  });
});

describe("what is trusted", () => {
  test("a file of the user's that cannot be used is a USAGE error that names it", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "ca.pem");
    const missing = createTrust({ files: [file], system: NOWHERE });
    expect(await errorOf(() => missing("r", "r"))).toBe(
      `USAGE: Cannot read certificates "${file}": no such file or directory`,
    );
    await writeFile(file, "not a certificate");
    const malformed = createTrust({ files: [file], system: NOWHERE });
    expect(await errorOf(() => malformed("r", "r"))).toBe(
      `USAGE: Cannot use "${file}": it holds no certificate in PEM`,
    );
  });

  test("is read once, when it is first asked for, and is the same object for the same needs", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "ca.pem");
    const lines: string[] = [];
    const trust = createTrust({ files: [file], system: NOWHERE, onSource: (line) => lines.push(line) });
    await writeFile(file, AUTHORITY.cert);
    expect(lines).toEqual([]);
    const [a, b] = await Promise.all([trust("a.example", "a.example"), trust("b.example", "c.example")]);
    expect(a).toBe(b);
    expect(lines).toEqual([`TLS trusts ${file}: 1 certificate, 1 of them new`]);
    expect(a.all).toContain(AUTHORITY.cert.trim());
  });

  test("what the runtime has is not added, nor what it could not take", async () => {
    await using folder = await temporaryFolder();
    const [known] = getCACertificates("default");
    const broken = AUTHORITY.cert.replace(/\n[A-Za-z0-9+/]{64}\n/, "\n");
    const file = join(folder.path, "bundle");
    await writeFile(file, [known, broken, AUTHORITY.cert, AUTHORITY.cert.replaceAll("\n", "\r\n")].join("\n"));
    const { added } = await createTrust({ system: { files: [file], folders: [] } })("r", "r");
    expect(added).toEqual([AUTHORITY.cert.trimEnd()]);
  });

  test("the first file of the system that can be read, and every folder, as Go has it", async () => {
    await using folder = await temporaryFolder();
    const at = (name: string): string => join(folder.path, name);
    await mkdir(at("certs"));
    for (const name of ["one.pem", "two.pem", "certs/three.pem"]) await writeFile(at(name), AUTHORITY.cert);
    await symlink("three.pem", at("certs/0a1b2c3d.0"));
    await symlink(at("one.pem"), at("certs/four.pem"));
    await mkdir(at("certs/below"));
    const files = ["none.pem", "one.pem", "two.pem"].map(at);
    const found = await systemRoots({ files, folders: [at("none"), at("certs")] });
    expect(found.map(({ name, blocks }) => [name, blocks.length])).toEqual([
      [at("one.pem"), 1],
      [at("certs"), 2],
    ]);
  });
});
