/** WWW-Authenticate as registries really write it. */
import { expect, test } from "bun:test";
import { parseChallenges } from "../../../src/registry/auth/challenge.ts";

test("several challenges in one header, commas inside quotes", () => {
  const header =
    'Negotiate, Bearer realm="https://a/t",service=reg.example,scope="repository:a:pull,push", Basic realm="y"';
  expect(parseChallenges(header)).toEqual([
    { scheme: "negotiate", parameters: {} },
    {
      scheme: "bearer",
      parameters: { realm: "https://a/t", service: "reg.example", scope: "repository:a:pull,push" },
    },
    { scheme: "basic", parameters: { realm: "y" } },
  ]);
});

test.each<[string | null, ReturnType<typeof parseChallenges>]>([
  ['BASIC realm="Sonatype Nexus"', [{ scheme: "basic", parameters: { realm: "Sonatype Nexus" } }]],
  ["Basic", [{ scheme: "basic", parameters: {} }]],
  ['bearer REALM = "a\\"b\\\\c" , service=""', [{ scheme: "bearer", parameters: { realm: 'a"b\\c', service: "" } }]],
  ["Basic realm=x, , Bearer realm=y", [basic("x"), { scheme: "bearer", parameters: { realm: "y" } }]],
  ["NTLM TlRM/VNTUAAC, Basic realm=x", [{ scheme: "ntlm", parameters: {} }, basic("x")]],
  ["", []],
  [null, []],
  ["=,=", []],
])("%p", (header, expected) => {
  expect(parseChallenges(header)).toEqual(expected);
});

function basic(realm: string): ReturnType<typeof parseChallenges>[number] {
  return { scheme: "basic", parameters: { realm } };
}

test("a broken quote does not hide the challenge before it", () => {
  expect(parseChallenges('Bearer realm=y, Basic realm="never closed')[0]).toEqual({
    scheme: "bearer",
    parameters: { realm: "y" },
  });
});

test("a header that is made to be slow is not", () => {
  expect(parseChallenges(`Basic ${'a="\\'.repeat(20_000)}`).length).toBeGreaterThan(0);
});
