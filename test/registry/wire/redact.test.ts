/** What is shown of URLs, errors and words of others. */
import { expect, test } from "bun:test";
import { clean } from "../../../src/bytes/text.ts";
import { AppError } from "../../../src/errors.ts";
import { redact, redactError, redactText } from "../../../src/registry/wire/redact.ts";
import { networkReason, troubleOf } from "../../../src/registry/wire/trouble.ts";

test.each([
  ["https://u:p@r.example/v2/a?scope=b&token=c", "https://r.example/v2/a?scope=b&token=***"],
  ["https://s3.example/x?X-Amz-Signature=1&X-Amz-Date=2", "https://s3.example/x?X-Amz-Signature=***&X-Amz-Date=***"],
  [
    "https://r.example/v2/a/blobs/uploads/1?_state=xyz&digest=sha256:1",
    "https://r.example/v2/a/blobs/uploads/1?_state=***&digest=sha256:1",
  ],
  ["https://r.example/?eyJhbGciOi", "https://r.example/?***"],
  [`https://r.example/?${"s".repeat(50)}=x&n=1`, "https://r.example/?***&n=1"],
  ["nonsense", "(no URL)"],
])("%s is shown as %s", (url, shown) => {
  expect(redact(url)).toBe(shown);
});

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

test.each([
  [
    "error sending request for url (https://u:p@cdn/x?sig=1&se=2)",
    "error sending request for url (https://cdn/x?sig=***&se=***)",
  ],
  ["proxy http://me:hunter2@proxy.corp:3128/ said no", "proxy http://proxy.corp:3128/ said no"],
  ["the proxy http://proxy.corp:3128 said no", "the proxy http://proxy.corp:3128 said no"],
  ["bad header authorization: Basic bWU6aHVudGVyMg==", "bad header authorization: ***"],
  ['{"Authorization":"Bearer abc"}', '{"Authorization":***'],
  ["you sent Bearer abcdefgh1234, which is wrong", "you sent Bearer ***, which is wrong"],
  ["you sent Basic bWU6aHVudGVyMg== to us", "you sent Basic *** to us"],
  [`token ${JWT} has expired`, "token *** has expired"],
  ["X-Amz-Signature=0a1b&X-Amz-Date=2 is wrong", "X-Amz-Signature=***&X-Amz-Date=*** is wrong"],
  ["GET /x?sv=1&se=2&sp=r&sig=abc%3D", "GET /x?sv=***&se=***&sp=***&sig=***"],
  ['{"refresh_token":"abc","password": "hunter2"}', '{"refresh_token":"***","password": "***"}'],
  ['Bearer realm="https://r.example/token",service="r"', 'Bearer realm="https://r.example/token",service="r"'],
  ["manifest unknown: sha256:abc of library/token", "manifest unknown: sha256:abc of library/token"],
])("%s is shown as %s", (text, shown) => {
  expect(redactText(text)).toBe(shown);
});

test("errors of a runtime lose their secrets, in properties and causes too", () => {
  // In two parts: what is shown of an error may quote this file.
  const secret = ["hunt", "er2"].join("");
  const url = `https://cdn.example/x?X-Amz-Signature=${secret}`;
  const inner = Object.assign(new Error(`cut: ${url}`), { path: url, errno: 5 });
  const many = new AggregateError([Object.assign(new TypeError("x"), { input: url })], url);
  const error = redactError(Object.assign(new TypeError(`error for ${url}`, { cause: inner }), { code: "E" }));
  inner.cause = many;
  redactError(error);
  const shown = Bun.inspect(error, { depth: 10 });
  expect(shown).toContain("https://cdn.example/x?X-Amz-Signature=***");
  expect(shown).not.toContain(secret);
  expect(String((error as Error).stack)).not.toContain(secret);
  expect(error).toMatchObject({ code: "E", cause: { errno: 5, path: "https://cdn.example/x?X-Amz-Signature=***" } });
  const frozen = Object.freeze(new Error("fine"));
  expect(redactError(frozen)).toBe(frozen);
  expect(redactError("a string")).toBe("a string");
});

test("words of others move no cursor and stay on one line", () => {
  expect(clean("\u001b[31mred\u001b[0m \u001b]0;title\u0007and\r\nmore\u202e\u200b \u009b2J", 100)).toBe(
    "red and more",
  );
  expect(clean("x".repeat(100), 10)).toBe("xxxxxxx...");
});

test.each([
  ["unreachable", Object.assign(new TypeError("Unable to connect"), { code: "ECONNREFUSED" })],
  [
    "unreachable",
    new TypeError("fetch failed", { cause: new Error("tcp connect error: Connection refused (os error 111)") }),
  ],
  ["certificate", new TypeError("fetch failed", { cause: new Error("invalid peer certificate: UnknownIssuer") })],
  ["certificate", Object.assign(new Error("x"), { code: "ERR_TLS_CERT_ALTNAME_INVALID" })],
  [
    "not-tls",
    new TypeError("fetch failed", { cause: new Error("received corrupt message of type InvalidContentType") }),
  ],
  ["broken", Object.assign(new TypeError("The socket connection was closed"), { code: "ECONNRESET" })],
  ["broken", "a string"],
])("%s", (trouble, error) => {
  expect(troubleOf(error)).toBe(trouble as ReturnType<typeof troubleOf>);
  expect(networkReason(error)).not.toContain("\n");
});

test("the code of an error of ours is not for people", () => {
  expect(networkReason(new AppError("NETWORK", "Cannot write it: the registry says no"))).toBe(
    "Cannot write it: the registry says no",
  );
});
