/** Manifests from registries of few and odd words. */
import { afterEach, expect, test } from "bun:test";
import { encode } from "../../src/bytes/stream.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { openRegistry } from "../../src/registry/registry.ts";
import { type Listening, listen } from "../../src/serve/listen.ts";
import { contentOf } from "../../src/store/read.ts";
import type { Sink } from "../../src/store/store.ts";

const servers: Listening[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** A registry of few words: what it answers to a request for a manifest. */
async function scripted(answer: (request: Request) => Response): Promise<{ asked: string[]; repository: Sink }> {
  const asked: string[] = [];
  const server = await listen(async (request) => {
    if (new URL(request.url).pathname === "/v2/") return new Response();
    asked.push(request.method);
    return answer(request);
  });
  servers.push(server);
  const options = { retry: { delay: 1, maximum: 2 } };
  return { asked, repository: openRegistry(`127.0.0.1:${server.port}`, options).repository("a/b") };
}

const TEXT = encode('{"schemaVersion":2,"config":{},"layers":[]}');
const DIGEST = digestOf(TEXT);
const HEADERS = {
  "content-type": OCI_MANIFEST,
  "docker-content-digest": DIGEST,
  "content-length": String(TEXT.length),
};
const EXPECTED = { mediaType: OCI_MANIFEST, digest: DIGEST, size: TEXT.length };

function manifest(request: Request, headers: Record<string, string> = HEADERS): Response {
  return new Response(request.method === "HEAD" ? null : TEXT, { headers });
}

test("one HEAD that tells all is enough", async () => {
  const { asked, repository } = await scripted((request) => {
    expect(request.headers.get("accept")).toContain(OCI_INDEX);
    expect(new URL(request.url).pathname).toBe("/v2/a/b/manifests/latest");
    return manifest(request, { ...HEADERS, "content-type": `${OCI_MANIFEST}; charset=utf-8` });
  });
  expect(await repository.resolve("latest")).toEqual(EXPECTED);
  expect(asked).toEqual(["HEAD"]);
});

test.each([
  ["no digest", { "content-type": OCI_MANIFEST }],
  ["a digest that is none", { ...HEADERS, "docker-content-digest": "sha256:abc" }],
  ["text/plain", { ...HEADERS, "content-type": "text/plain; charset=utf-8" }],
  ["application/octet-stream", { ...HEADERS, "content-type": "application/octet-stream" }],
])("a HEAD with %s is followed by a GET", async (name, headers) => {
  const { asked, repository } = await scripted((request) =>
    request.method === "HEAD" || name.includes("/") ? manifest(request, headers) : manifest(request),
  );
  expect(await repository.resolve("latest")).toEqual(EXPECTED);
  expect(asked).toEqual(["HEAD", "GET"]);
});

test.each([400, 403, 404, 405, 501])("a HEAD that is answered %d is followed by a GET", async (status) => {
  const { asked, repository } = await scripted((request) =>
    request.method === "HEAD" ? new Response(null, { status }) : manifest(request),
  );
  expect(await repository.resolve("latest")).toEqual(EXPECTED);
  expect(asked).toEqual(["HEAD", "GET"]);
});

test("nothing there is undefined", async () => {
  const { repository } = await scripted(() =>
    Response.json({ errors: [{ code: "MANIFEST_UNKNOWN" }] }, { status: 404 }),
  );
  expect(await repository.resolve("latest")).toBeUndefined();
  expect(await repository.resolve(DIGEST)).toBeUndefined();
  expect(await repository.has(EXPECTED)).toBe(false);
});

test.each([
  [401, "UNAUTHORIZED", "log in"],
  [403, "DENIED", "log in"],
  [500, "NETWORK", "try again later"],
  [429, "RATE_LIMITED", "wait"],
])("%d is %s, in the registry's words", async (status, code, hint) => {
  const body = { errors: [{ code: "SOME_CODE", message: "bad \u001b[31mluck\u001b[0m\n" }] };
  const { repository } = await scripted((request) =>
    request.method === "HEAD" && status === 403 ? new Response(null, { status }) : Response.json(body, { status }),
  );
  const error = await repository.tag("v1", contentOf(OCI_MANIFEST, TEXT)).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code, status, method: "PUT", errors: ["SOME_CODE"] });
  expect(String(error)).toEndWith('/a/b:v1": the registry says SOME_CODE (bad luck)');
  expect((error as { hint?: string }).hint).toContain(hint);
  await expect(repository.resolve("v1")).rejects.toMatchObject({ code });
});

test.each([
  ["registry.redhat.io", 400, [{ code: "UNKNOWN", message: "Not Found" }], false],
  ["Harbor", 500, [{ code: "UNKNOWN", message: "http status code: 404, body: not found" }], false],
  ["others", 400, [{ code: "UNKNOWN", message: "not allowed" }], true],
  ["others", 400, [{ code: "TAG_INVALID", message: "not found" }], true],
])("the ways to say that nothing is there: %s, by %d", async (_, status, errors, isError) => {
  const { repository } = await scripted((request) =>
    request.method === "HEAD" ? new Response(null, { status: 404 }) : Response.json({ errors }, { status }),
  );
  const found = repository.resolve("not-found");
  if (isError) await expect(found).rejects.toMatchObject({ status });
  else expect(await found).toBeUndefined();
});

test.each([
  ["distribution", DIGEST],
  ["zot", { reference: DIGEST }],
  ["others", { descriptor: { digest: DIGEST, size: 1 } }],
])("a refusal names the blob that is missing, as %s does", async (_, detail) => {
  const errors = [{ code: "MANIFEST_BLOB_UNKNOWN", message: "blob unknown to registry", detail }];
  const { asked, repository } = await scripted(() => Response.json({ errors }, { status: 400 }));
  await expect(repository.tag("v1", contentOf(OCI_MANIFEST, TEXT))).rejects.toThrow(
    `/a/b:v1": the registry says MANIFEST_BLOB_UNKNOWN (blob unknown to registry: ${DIGEST})`,
  );
  expect(asked).toEqual(["PUT"]);
});

test("an encoded manifest is refused", async () => {
  const { repository } = await scripted((request) =>
    request.method === "HEAD"
      ? new Response(null, { status: 405 })
      : new Response(TEXT, { headers: { ...HEADERS, "content-encoding": "br" } }),
  );
  await expect(repository.resolve("latest")).rejects.toThrow('it came encoded as "br"');
});

test("more than 4 MiB are not sent", async () => {
  const { asked, repository } = await scripted(() => new Response(null, { status: 201 }));
  const large = contentOf(OCI_MANIFEST, new Uint8Array((4 << 20) + 1));
  await expect(repository.tag("v1", large)).rejects.toMatchObject({ code: "UNSUPPORTED" });
  expect(asked).toEqual([]);
});

test("a digest that the bytes do not have", async () => {
  const wrong = digestOf(encode("other"));
  const lying = await scripted((request) =>
    request.method === "HEAD"
      ? new Response(null, { status: 405 })
      : manifest(request, { ...HEADERS, "docker-content-digest": wrong }),
  );
  await expect(lying.repository.resolve("latest")).rejects.toMatchObject({
    code: "INTEGRITY",
    expected: wrong,
    actual: DIGEST,
  });
  const other = await scripted((request) => manifest(request));
  await expect(other.repository.resolve(wrong)).rejects.toMatchObject({ code: "INTEGRITY", expected: wrong });
});

test("more than 4 MiB, announced or not", async () => {
  for (const announced of [true, false]) {
    const { repository } = await scripted((request) => {
      if (request.method === "HEAD") return new Response(null, { status: 405 });
      const body = new Uint8Array((4 << 20) + 1);
      return new Response(body, { headers: announced ? { "content-length": String(body.length) } : {} });
    });
    await expect(repository.resolve("latest")).rejects.toThrow("more than 4194304 bytes");
  }
});

test("schema 1 is refused by its name, by type and by content", async () => {
  const type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
  const byType = await scripted((request) => manifest(request, { ...HEADERS, "content-type": type }));
  await expect(byType.repository.resolve("old")).rejects.toThrow(
    /Cannot read "127.*\/a\/b:old": it is a schema 1 image/,
  );
  const byContent = await scripted((request) =>
    request.method === "HEAD"
      ? new Response()
      : new Response('{"schemaVersion":1,"fsLayers":[]}', { headers: { "content-type": "text/plain" } }),
  );
  await expect(byContent.repository.resolve("old")).rejects.toThrow("schema 1");
});

test("what is no manifest", async () => {
  const { repository } = await scripted((request) =>
    request.method === "HEAD" ? new Response() : new Response("<html>", { headers: { "content-type": "text/html" } }),
  );
  await expect(repository.resolve("latest")).rejects.toMatchObject({ code: "UNSUPPORTED" });
});

test("puts the type as it is, and compares what was stored", async () => {
  let stored: string = DIGEST;
  const { asked, repository } = await scripted((request) => {
    expect(request.headers.get("content-type")).toBe(DOCKER_MANIFEST);
    expect(request.headers.get("content-length")).toBe(String(TEXT.length));
    return new Response(null, { status: 201, headers: { "docker-content-digest": stored } });
  });
  await repository.put(contentOf(DOCKER_MANIFEST, TEXT));
  stored = digestOf(encode("other"));
  await expect(repository.tag("v1", contentOf(DOCKER_MANIFEST, TEXT))).rejects.toMatchObject({ code: "INTEGRITY" });
  expect(asked).toEqual(["PUT", "PUT"]);
});

test.each(["a b", "../../x", "", "sha256:abc", "a/b"])("%p is no name, and is not asked for", async (name) => {
  const { asked, repository } = await scripted((request) => manifest(request));
  await expect(repository.resolve(name)).rejects.toMatchObject({ code: "USAGE" });
  await expect(repository.tag(name, contentOf(OCI_MANIFEST, TEXT))).rejects.toMatchObject({ code: "USAGE" });
  expect(asked).toEqual([]);
});

test.each<[string, string | undefined, string, string]>([
  ["a page with a title", "text/html", "<title>Sign in</title>", 'it is a web page, "Sign in"'],
  ["one without", "text/html; charset=utf-8", "<p>Sign in", "it is a web page"],
  ["one without a type", undefined, "\n<!DOCTYPE html><p>Sign in", "it is a web page"],
  ["something without a type", undefined, "hello", "it has no media type"],
])("%s is no manifest, and the way to the registry is to be looked at", async (_, type, text, reason) => {
  const headers = type === undefined ? [] : [["content-type", type] as [string, string]];
  const { repository } = await scripted(() => new Response(encode(text), { headers }));
  await expect(repository.resolve("latest")).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringMatching(new RegExp(`: ${reason}$`)),
    hint: expect.stringContaining("login page"),
  });
});
