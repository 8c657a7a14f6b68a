/** The registry as a function: every endpoint but uploads, what it answers and what it refuses. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHandler, type Handler } from "../../src/serve/handler.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Sink, Store } from "../../src/store/store.ts";
import { pushTo } from "../support/push.ts";
import {
  type Artifact,
  image,
  index,
  multiPlatform,
  type Part,
  part,
  referrer,
  schema1,
} from "../support/random-image.ts";

const one = image({ layers: 1 });
const layer = one.blobs[1]!;
const manifest = one.manifests[0]!;
const { digest } = layer.descriptor;
const absent = image({ seed: "absent" });

let store: Store<Sink>;
let handler: Handler;
beforeEach(async () => {
  store = memoryStore();
  handler = createHandler(store);
  await pushTo(store.repository("team/app"), one, "v1");
});
afterEach(() => handler[Symbol.asyncDispose]());

function ask(
  method: string,
  path: string,
  init: { headers?: Record<string, string>; body?: BodyInit } = {},
): Promise<Response> {
  return handler(new Request(`http://registry.test/v2/${path}`, { method, ...init }));
}

function push(path: string, { bytes, descriptor }: Part, type = descriptor.mediaType): Promise<Response> {
  return ask("PUT", path, { body: bytes, headers: { "content-type": type } });
}

async function codeOf(response: Response): Promise<string> {
  const { errors } = (await response.json()) as { errors: { code: string; message: string }[] };
  expect(errors[0]?.message).toBeString();
  return `${response.status} ${errors[0]?.code}`;
}

test.each([
  "",
  "team/app/tags/list",
  "_catalog",
  "team/app/manifests/v1",
  `team/app/blobs/${digest}`,
  "team/app/manifests/v9",
])("HEAD %p is GET without its body", async (path) => {
  const [get, head] = [await ask("GET", path), await ask("HEAD", path)];
  expect(head.status).toBe(get.status);
  expect([...head.headers]).toEqual([...get.headers]);
  expect(head.headers.get("content-length")).toBe(String((await get.bytes()).length));
  expect(head.body).toBeNull();
});

test("says that it is a registry", async () => {
  for (const path of ["/v2/", "/v2"]) {
    const response = await handler(new Request(`http://registry.test${path}`));
    expect(response.status).toBe(200);
    expect(response.headers.get("docker-distribution-api-version")).toBe("registry/2.0");
    expect(await response.json()).toEqual({});
  }
});

describe("manifests", () => {
  test.each(["v1", one.root.digest])("are served byte for byte: %p", async (reference) => {
    const response = await ask("GET", `team/app/manifests/${reference}`);
    expect(response.headers.get("content-type")).toBe(one.root.mediaType);
    expect(response.headers.get("docker-content-digest")).toBe(one.root.digest);
    expect(await response.bytes()).toEqual(manifest.bytes);
  });

  test("are not sent again to who has them", async () => {
    const headers = { "if-none-match": `"${one.root.digest}"` };
    expect((await ask("GET", "team/app/manifests/v1", { headers })).status).toBe(304);
  });

  test("of schema 1 are served, for those who still have some", async () => {
    await pushTo(store.repository("old"), schema1(), "latest");
    const response = await ask("GET", "old/manifests/latest");
    expect(response.headers.get("content-type")).toBe("application/vnd.docker.distribution.manifest.v1+prettyjws");
  });

  test.each([
    ["GET", "team/app/manifests/v2", "404 MANIFEST_UNKNOWN"],
    ["GET", `team/app/manifests/${absent.root.digest}`, "404 MANIFEST_UNKNOWN"],
    ["GET", `team/app/manifests/${digest}`, "404 MANIFEST_UNKNOWN"],
    ["GET", "team/app/manifests/sha256:abc", "404 MANIFEST_UNKNOWN"],
    ["GET", "nobody/manifests/v1", "404 MANIFEST_UNKNOWN"],
    ["GET", "Team/app/manifests/v1", "400 NAME_INVALID"],
    ["GET", `${"a".repeat(300)}/manifests/v1`, "400 NAME_INVALID"],
    ["GET", `nobody/blobs/${digest}`, "404 BLOB_UNKNOWN"],
    ["GET", `team/app/blobs/${absent.root.digest}`, "404 BLOB_UNKNOWN"],
    ["GET", "team/app/blobs/sha256:abc", "400 DIGEST_INVALID"],
    ["GET", "team/app/blobs/md5:d41d8cd98f00b204e9800998ecf8427e", "400 DIGEST_INVALID"],
    ["GET", "team/app/somewhere/else", "404 UNSUPPORTED"],
    ["GET", "nobody/tags/list", "404 NAME_UNKNOWN"],
    ["GET", "team/app/tags/list?n=x", "400 PAGINATION_NUMBER_INVALID"],
    ["GET", "team/app/referrers/latest", "400 DIGEST_INVALID"],
    ["DELETE", "team/app/manifests/v1", "405 UNSUPPORTED"],
    ["DELETE", `team/app/blobs/${digest}`, "405 UNSUPPORTED"],
    ["POST", "team/app/tags/list", "405 UNSUPPORTED"],
    ["PUT", "_catalog", "405 UNSUPPORTED"],
    ["GET", "team/app/blobs/uploads/none", "404 BLOB_UPLOAD_UNKNOWN"],
  ])("%s %s is answered %s", async (method, path, expected) => {
    expect(await codeOf(await ask(method, path))).toBe(expected);
  });

  test("are taken under tag and digest", async () => {
    const next = image({ seed: "next", layers: [] });
    await store.repository("x").put(next.blobs[0]!);
    for (const reference of ["v2", next.root.digest]) {
      const response = await push(`x/manifests/${reference}`, next.manifests[0]!);
      expect(response.status).toBe(201);
      expect(response.headers.get("location")).toBe(`/v2/x/manifests/${next.root.digest}`);
      expect(response.headers.get("docker-content-digest")).toBe(next.root.digest);
      expect((await ask("GET", `x/manifests/${reference}`)).status).toBe(200);
    }
  });

  test("may say their type with parameters, or not at all", async () => {
    expect((await push("team/app/manifests/v2", manifest, `${one.root.mediaType}; charset=utf-8`)).status).toBe(201);
    expect((await push("team/app/manifests/v3", manifest, "")).status).toBe(201);
  });

  test("need their layers, their config and their children", async () => {
    const whole = index([image({ seed: "a" }), image({ seed: "b" })]);
    for (const incomplete of [absent.manifests[0]!, whole.manifests.at(-1)!]) {
      const response = await push("team/app/manifests/v2", incomplete);
      const { errors } = (await response.json()) as { errors: { code: string; detail: { digest: string }[] }[] };
      expect(response.status).toBe(400);
      expect(errors[0]?.code).toBe("MANIFEST_BLOB_UNKNOWN");
      expect(errors[0]?.detail.length).toBeGreaterThan(1);
    }
    expect(await store.repository("team/app").resolve("v2")).toBeUndefined();
  });

  test("need no layers that may not be handed on", async () => {
    const foreign = part("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", new Uint8Array(3));
    const windows = image({ layers: [{ ...foreign, diffID: digest }] });
    await store.repository("x").put(windows.blobs[0]!);
    expect((await push("x/manifests/v1", windows.manifests[0]!)).status).toBe(201);
  });

  test.each([
    ["another digest", `sha256:${"0".repeat(64)}`, manifest.bytes, one.root.mediaType, "400 DIGEST_INVALID"],
    ["half a digest", "sha256:00", manifest.bytes, one.root.mediaType, "400 DIGEST_INVALID"],
    [
      "another type",
      "v2",
      manifest.bytes,
      "application/vnd.docker.distribution.manifest.v2+json",
      "400 MANIFEST_INVALID",
    ],
    ["no JSON", "v2", new TextEncoder().encode("{"), one.root.mediaType, "400 MANIFEST_INVALID"],
    [
      "an unknown type",
      "v2",
      new TextEncoder().encode('{"mediaType":"text/plain"}'),
      "text/plain",
      "400 MANIFEST_INVALID",
    ],
    ["two kinds at once", "v2", new TextEncoder().encode('{"layers":[],"manifests":[]}'), "", "400 MANIFEST_INVALID"],
    ["schema 1", "v2", schema1().manifests[0]!.bytes, schema1().root.mediaType, "400 MANIFEST_INVALID"],
    ["far too much", "v2", new Uint8Array((4 << 20) + 1), one.root.mediaType, "413 SIZE_INVALID"],
    ["nothing", "v2", new Uint8Array(), one.root.mediaType, "400 MANIFEST_INVALID"],
  ] as const)("are refused with %s", async (_, reference, body, type, expected) => {
    const headers = { "content-type": type };
    const response = await ask("PUT", `team/app/manifests/${reference}`, {
      body: body as Uint8Array<ArrayBuffer>,
      headers,
    });
    expect(await codeOf(response)).toBe(expected);
    expect(await store.repository("team/app").resolve("v2")).toBeUndefined();
  });
});

describe("blobs", () => {
  const { bytes } = layer;
  const size = bytes.length;

  test("are served with their digest and length", async () => {
    const response = await ask("GET", `team/app/blobs/${digest}`);
    expect(response.headers.get("docker-content-digest")).toBe(digest);
    expect(response.headers.get("accept-ranges")).toBe("bytes");
    expect(response.headers.get("content-length")).toBe(String(size));
    expect(await response.bytes()).toEqual(bytes);
  });

  test("are found when the colon is escaped", async () => {
    expect((await ask("GET", `team/app/blobs/${digest.replace(":", "%3A")}`)).status).toBe(200);
  });

  test("are manifests, too", async () => {
    expect(await (await ask("GET", `team/app/blobs/${one.root.digest}`)).bytes()).toEqual(manifest.bytes);
  });

  test.each([
    ["bytes=0-9", 0, 10],
    ["bytes=10-", 10, size],
    ["bytes=-10", size - 10, size],
    ["bytes=5-99999999", 5, size],
    ["bytes=-99999999", 0, size],
  ])("are served in ranges: %s", async (range, start, end) => {
    const response = await ask("GET", `team/app/blobs/${digest}`, { headers: { range } });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(`bytes ${start}-${end - 1}/${size}`);
    expect(response.headers.get("content-length")).toBe(String(end - start));
    expect(await response.bytes()).toEqual(bytes.slice(start, end));
  });

  test.each(["bytes=500-0", `bytes=${size}-`, "bytes=-0"])("have no range %s", async (range) => {
    const response = await ask("GET", `team/app/blobs/${digest}`, { headers: { range } });
    expect(response.status).toBe(416);
    expect(response.headers.get("content-range")).toBe(`bytes */${size}`);
  });

  test.each([
    { range: "bytes=0-1,4-5" },
    { range: "lines=1-2" },
    { range: "bytes=-" },
    { range: "bytes=1-2", "if-range": '"other"' },
  ])("are served whole for %p", async (headers) => {
    const response = await ask("GET", `team/app/blobs/${digest}`, { headers });
    expect(response.status).toBe(200);
    expect(await response.bytes()).toEqual(bytes);
  });
});

describe("lists", () => {
  beforeEach(async () => {
    for (const tag of ["v3", "v2", "a"]) await pushTo(store.repository("team/app"), one, tag);
    await pushTo(store.repository("b/tags/list"), one, "x");
  });

  test("give all tags in order", async () => {
    expect(await (await ask("GET", "team/app/tags/list")).json()).toEqual({
      name: "team/app",
      tags: ["a", "v1", "v2", "v3"],
    });
  });

  test("come in pages", async () => {
    const pages: string[][] = [];
    let path: string | undefined = "team/app/tags/list?n=3";
    while (path !== undefined) {
      const response = await ask("GET", path);
      pages.push(((await response.json()) as { tags: string[] }).tags);
      path = /^<\/v2\/(.*)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
    }
    expect(pages).toEqual([["a", "v1", "v2"], ["v3"]]);
  });

  test("end where they end", async () => {
    for (const query of ["n=0", "n=4&last=v3", "last=zzz"]) {
      const response = await ask("GET", `team/app/tags/list?${query}`);
      expect(((await response.json()) as { tags: string[] }).tags).toEqual([]);
      expect(response.headers.get("link")).toBeNull();
    }
    expect((await ask("GET", "team/app/tags/list?n=4")).headers.get("link")).toBeNull();
  });

  test("name repositories, also those with the words of the protocol", async () => {
    expect(await (await ask("GET", "_catalog")).json()).toEqual({ repositories: ["b/tags/list", "team/app"] });
    expect(await (await ask("GET", "_catalog?n=1&last=a")).json()).toEqual({ repositories: ["b/tags/list"] });
    expect(await (await ask("GET", "b/tags/list/tags/list")).json()).toEqual({ name: "b/tags/list", tags: ["x"] });
    expect((await ask("GET", "b/tags/list/manifests/x")).status).toBe(200);
  });
});

describe("referrers", () => {
  async function pushReferrer(artifact: Artifact): Promise<Response> {
    for (const blob of artifact.blobs) await store.repository("team/app").put(blob);
    return await push(`team/app/manifests/${artifact.root.digest}`, artifact.manifests[0]!);
  }

  test("are none at first", async () => {
    const response = await ask("GET", `team/app/referrers/${one.root.digest}`);
    expect(response.headers.get("content-type")).toBe("application/vnd.oci.image.index.v1+json");
    expect(await response.json()).toEqual({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [],
    });
  });

  test("are known once they are pushed, all at once too", async () => {
    const all = [1, 2, 3].map((seed) => referrer(one.root, `application/vnd.example.${seed % 2}`, seed));
    for (const response of await Promise.all([...all, all[0]!].map(pushReferrer))) {
      expect(response.status).toBe(201);
      expect(response.headers.get("oci-subject")).toBe(one.root.digest);
    }
    const list = (await (await ask("GET", `team/app/referrers/${one.root.digest}`)).json()) as {
      manifests: { digest: string }[];
    };
    expect(list.manifests.map((found) => found.digest).sort()).toEqual(all.map(({ root }) => root.digest).sort());
    const filtered = await ask("GET", `team/app/referrers/${one.root.digest}?artifactType=application/vnd.example.0`);
    expect(filtered.headers.get("oci-filters-applied")).toBe("artifactType");
    const { mediaType, digest, size } = all[1]!.root;
    expect(((await filtered.json()) as { manifests: unknown[] }).manifests).toEqual([
      { mediaType, digest, size, artifactType: "application/vnd.example.0" },
    ]);
  });

  test("are found by clients that know the fallback tag only", async () => {
    const signature = referrer(one.root);
    await pushReferrer(signature);
    const list = await (await ask("GET", `team/app/manifests/${one.root.digest.replace(":", "-")}`)).json();
    expect((list as { manifests: { digest: string }[] }).manifests[0]?.digest).toBe(signature.root.digest);
  });

  test("need no subject that is there, but one that makes sense", async () => {
    expect((await pushReferrer(referrer(absent.root))).status).toBe(201);
    const bytes = new TextEncoder().encode(new TextDecoder().decode(manifest.bytes).replace(/}$/, ',"subject":{}}'));
    expect(await codeOf(await push("team/app/manifests/v2", part(one.root.mediaType, bytes)))).toBe(
      "400 MANIFEST_INVALID",
    );
  });

  test("can be left to the clients", async () => {
    handler = createHandler(store, { referrers: false });
    expect((await ask("GET", `team/app/referrers/${one.root.digest}`)).status).toBe(404);
    expect((await pushReferrer(referrer(one.root))).headers.get("oci-subject")).toBeNull();
  });
});

test("read-only, it refuses every write and serves as ever", async () => {
  handler = createHandler(store, { readOnly: true });
  for (const [method, path] of [
    ["PUT", "team/app/manifests/v2"],
    ["POST", "team/app/blobs/uploads/"],
    ["PATCH", "team/app/blobs/uploads/x"],
    ["PUT", `team/app/blobs/uploads/x?digest=${digest}`],
  ] as const)
    expect(await codeOf(await ask(method, path))).toBe("405 UNSUPPORTED");
  expect((await ask("GET", `team/app/blobs/${digest}`)).status).toBe(200);
  expect((await ask("GET", `nobody/blobs/${digest}`)).status).toBe(404);
});

test("serves a store whose repositories are sources only", async () => {
  const sources: Store = {
    repository(path) {
      const { place, resolve, get } = store.repository(path);
      return { place, resolve, get };
    },
    references: () => store.references(),
    blob: (wanted) => store.blob!(wanted),
    async [Symbol.asyncDispose]() {},
  };
  handler = createHandler(sources);
  expect((await ask("GET", "team/app/manifests/v1")).status).toBe(200);
  expect((await ask("GET", `team/app/blobs/${digest}`)).status).toBe(200);
  expect(await (await ask("GET", "team/app/tags/list")).json()).toEqual({ name: "team/app", tags: ["v1"] });
  expect(await codeOf(await ask("POST", "team/app/blobs/uploads/"))).toBe("405 UNSUPPORTED");
});

test("what breaks inside is a 500 that tells nothing of our files", async () => {
  handler = createHandler({
    ...store,
    repository: () => ({ ...store.repository("x"), resolve: () => Promise.reject(new Error("/home/me/secret")) }),
  });
  const response = await ask("GET", "x/manifests/v1");
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain("secret");
});

test("a manifest whose bytes are wrong is not served", async () => {
  const broken = multiPlatform(["linux/amd64"], { seed: "broken" }).manifests[0]!;
  const wrong = { ...broken, open: () => manifest.open() };
  handler = createHandler({
    ...store,
    repository: () => ({ ...store.repository("x"), resolve: async () => broken.descriptor, get: () => wrong }),
  });
  expect((await ask("GET", "x/manifests/v1")).status).toBe(500);
});
