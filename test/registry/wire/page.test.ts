/** Web pages in place of answers. */
import { expect, test } from "bun:test";
import { registryError } from "../../../src/registry/wire/failure.ts";
import { pageTitle } from "../../../src/registry/wire/page.ts";

test.each([
  ["<html><head><title>502 Bad Gateway</title></head>", "502 Bad Gateway"],
  ['<TITLE lang="en">\n  Sign in \u001b[31m\n to the proxy </TITLE>', "Sign in to the proxy"],
  ["<title>at https://r.example/?sig=abc</title>", "at https://r.example/?sig=***"],
  ["<title></title>", undefined],
  ["the title of a text", undefined],
  ["", undefined],
])("%j is called %j", (text, title) => {
  expect(pageTitle(text)).toBe(title);
});

test("a page that never ends its tags costs no time", () => {
  expect(pageTitle("<title".repeat(100_000))).toBeUndefined();
});

test.each([
  ["text/html", "<title>Bad Gateway</title>", 'the registry answered 502 with a web page, "Bad Gateway"'],
  ["text/plain; charset=utf-8", "no healthy upstream\nx", 'the registry answered 502, "no healthy upstream"'],
  ["text/html", "<p>no", "the registry answered 502"],
  ["text/plain", "", "the registry answered 502"],
  ["application/json", '{"errors":[{"code":"X"}]}', "the registry says X"],
])("a refusal as %s says %j", async (type, body, reason) => {
  const response = new Response(body, { status: 502, headers: { "content-type": type } });
  const error = await registryError("Cannot", response, { method: "GET", url: "https://r.example/" });
  expect(error.message).toBe(`Cannot: ${reason}`);
});

test.each([
  ["POST", 404, "created first"],
  ["GET", 404, undefined],
  ["PUT", 413, "raise the limit"],
  ["GET", 503, "try again later"],
])("%s and %d: %p is what to do", async (method, status, hint) => {
  const error = await registryError("Cannot", new Response("", { status }), { method, url: "https://r.example/" });
  if (hint === undefined) expect(error.hint).toBeUndefined();
  else expect(error.hint).toContain(hint);
});

test("nginx without our certificate says where that goes", async () => {
  const page = "<html><head><title>400 No required SSL certificate was sent</title></head></html>";
  const where = { method: "GET", url: "https://r.example:5000/v2/" };
  const error = await registryError("Cannot", new Response(page, { status: 400 }), where);
  expect(error.hint).toContain("certs.d/r.example:5000");
  expect((await registryError("Cannot", new Response("no", { status: 400 }), where)).hint).toBeUndefined();
});

test("a refusal tells how long the registry wants to be left alone", async () => {
  async function patience(status: number): Promise<number | undefined> {
    const response = new Response("", { status, headers: { "retry-after": "900" } });
    return (await registryError("Cannot", response, { method: "GET", url: "https://r.example/" })).retryAfter;
  }
  expect(await patience(429)).toBe(900_000);
  expect(await patience(404)).toBeUndefined();
});
