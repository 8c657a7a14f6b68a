/** What is shown of URLs, errors and words of others. */
import { expect, test } from "bun:test";
import { clean } from "../../../src/bytes/text.ts";
import { AppError } from "../../../src/errors.ts";
import { networkReason, troubleOf } from "../../../src/registry/wire/network.ts";
import { redact } from "../../../src/registry/wire/redact.ts";

test.each([
  ["https://u:p@r.example/v2/a?scope=b&token=c", "https://r.example/v2/a?scope=b&token=***"],
  ["https://s3.example/x?X-Amz-Signature=1&X-Amz-Date=2", "https://s3.example/x?X-Amz-Signature=***&X-Amz-Date=***"],
  [
    "https://r.example/v2/a/blobs/uploads/1?_state=xyz&digest=sha256:1",
    "https://r.example/v2/a/blobs/uploads/1?_state=***&digest=sha256:1",
  ],
  ["https://r.example/?secret", "https://r.example/?secret=***"],
  ["nonsense", "(no URL)"],
])("%s is shown as %s", (url, shown) => {
  expect(redact(url)).toBe(shown);
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
