/** The doctor at registries with habits: what each is called, and how bad it is. */
import { describe, expect, test } from "bun:test";
import type { Finding } from "../../../src/operations/diagnosis/finding.ts";
import { answering, examine, faulty, openWard, refusal, withRemoval } from "../../support/examine.ts";
import { type FaultRule, withFaults } from "../../support/faults.ts";
import { startRegistry, type TestRegistryOptions } from "../../support/registry.ts";

const { start } = openWard();

describe("odd answers", () => {
  test.each<[string, TestRegistryOptions, string, Partial<Finding>]>([
    [
      "ranges are not served",
      faulty({ path: /blobs\/sha256/, fault: { type: "ignore-range" } }),
      "resume",
      { state: "warning" },
    ],
    [
      "a blob that cannot be read",
      answering(({ method }, path) =>
        method === "GET" && /blobs\/sha256/.test(path) ? refusal(403, "DENIED") : undefined,
      ),
      "blobs",
      { state: "failed", said: expect.stringContaining("DENIED") },
    ],
    [
      "a digest that HEAD does not tell",
      faulty({ method: "HEAD", fault: { type: "headers", remove: ["docker-content-digest"] } }),
      "digest by HEAD",
      { state: "note" },
    ],
    [
      "few pulls left",
      faulty({
        path: /manifests/,
        fault: { type: "headers", set: { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "7;w=21600" } },
      }),
      "quota",
      { state: "warning", said: "7 of 100 pulls in 6 h are left; an image costs one for each platform" },
    ],
    [
      "another time",
      faulty({ path: /^\/v2\/$/, fault: { type: "headers", set: { date: "Thu, 01 Jan 2015 00:00:00 GMT" } } }),
      "clock",
      { state: "warning", said: expect.stringContaining("ahead of the registry") },
    ],
    [
      "pushes that are forbidden",
      answering(({ method }) => (method === "POST" ? refusal(403, "DENIED", "by \u001b[31mus") : undefined)),
      "push",
      { state: "failed", said: "refused: the registry says DENIED (by us)" },
    ],
    [
      "a registry to read from",
      { readOnly: true },
      "push",
      { state: "failed", advice: expect.stringContaining("read-only") },
    ],
    [
      "a project that is missing",
      answering(({ method }) => (method === "POST" ? refusal(404, "NAME_UNKNOWN") : undefined)),
      "push",
      { state: "failed", advice: expect.stringContaining("make the repository") },
    ],
    [
      "chunks of a minimum",
      faulty({ method: "POST", fault: { type: "headers", set: { "oci-chunk-min-length": "5242880" } } }),
      "chunks",
      { state: "ok", said: expect.stringContaining("5242880") },
    ],
    [
      "a small limit for requests",
      answering(({ headers }) =>
        Number(headers.get("content-length")) > 1 << 20 ? refusal(413, "UNKNOWN") : undefined,
      ),
      "upload",
      { state: "warning", advice: expect.stringContaining("client_max_body_size") },
    ],
    [
      "uploads only by PATCH",
      answering(({ method, headers }, path) =>
        method === "PUT" && path.includes("/uploads/") && headers.get("content-length") !== "0"
          ? refusal(404, "BLOB_UPLOAD_UNKNOWN")
          : undefined,
      ),
      "upload",
      { state: "note" },
    ],
    [
      "no mounts",
      answering(({ method }, path) =>
        method === "POST" && path.includes("mount=") ? refusal(400, "UNSUPPORTED") : undefined,
      ),
      "mount",
      { state: "note" },
    ],
    ["no referrers API", { referrers: false }, "referrers", { state: "note" }],
    [
      "no manifests of OCI",
      answering(async (request, path) => refuseType(request, path, "application/vnd.oci.image.manifest.v1+json")),
      "manifests",
      { state: "warning", said: expect.stringContaining("of Docker are accepted, of OCI are not") },
    ],
    [
      "no manifests of Docker",
      answering(async (request, path) => refuseType(request, path, "docker")),
      "manifests",
      { state: "warning", said: expect.stringContaining("of OCI are accepted, of Docker are not") },
    ],
    [
      "no manifests at all",
      answering(async (request, path) => refuseType(request, path, "")),
      "manifests",
      { state: "failed" },
    ],
    [
      "indexes with gaps",
      answering(({ method, headers }) =>
        method === "PUT" && headers.get("content-type")?.includes("index")
          ? new Response(null, { status: 201 })
          : undefined,
      ),
      "sparse index",
      { state: "ok" },
    ],
    [
      "tags that are not listed",
      answering((_, path) => (path.includes("tags/list") ? refusal(405, "UNSUPPORTED") : undefined)),
      "pull",
      { state: "note", advice: "name an image: team/app:TAG" },
    ],
    [
      "tags that are not for us",
      answering((_, path) => (path.includes("tags/list") ? refusal(403, "DENIED") : undefined)),
      "pull",
      { state: "failed" },
    ],
  ])("%s", async (_, options, check, expected) => {
    const found = await examine((await start(options)).host);
    expect(found.get(check)).toMatchObject(expected);
  });

  function refuseType({ method, headers }: Request, path: string, type: string): Response | undefined {
    const isRefused = method === "PUT" && path.includes("manifests") && headers.get("content-type")!.includes(type);
    return isRefused ? refusal(400, "MANIFEST_INVALID", "media type") : undefined;
  }

  test.each<[string, Pick<TestRegistryOptions, "referrers">, FaultRule[], Partial<Finding>]>([
    ["is listed", {}, [], { state: "ok" }],
    ["is not listed", { referrers: false }, [], { state: "note" }],
    [
      "is refused",
      {},
      [{ method: "PUT", path: /manifests/, skip: 3, times: 1, fault: { type: "status", status: 400 } }],
      { state: "warning", advice: expect.stringContaining("--no-referrers") },
    ],
  ])("a manifest with a subject %s", async (_, options, rules, expected) => {
    const registry = await start({ ...options, wrap: (handler) => withRemoval(withFaults(handler, rules)) });
    expect((await examine(registry.host)).get("subject")).toMatchObject(expected);
  });

  test("an image that is not there", async () => {
    const found = await examine((await start()).host, { tag: "v2", readOnly: true });
    expect(found.get("pull")).toMatchObject({ state: "failed", advice: "check the name of image and tag" });
  });

  test("blobs that are elsewhere", async () => {
    const storage = await start();
    const fault = { type: "redirect", origin: storage.url } as const;
    const registry = await start(faulty({ method: "GET", path: /blobs\/sha256/, fault }));
    const found = await examine(registry.host, { readOnly: true });
    expect(found.get("blobs")).toMatchObject({
      state: "ok",
      said: expect.stringContaining(`come from ${storage.host}`),
    });
    expect(found.get("resume")!.state).toBe("ok");
  });

  test("blobs at a host that is not there", async () => {
    const gone = await startRegistry();
    await gone.close();
    const fault = { type: "redirect", origin: gone.url } as const;
    const registry = await start(faulty({ method: "GET", path: /blobs\/sha256/, fault }));
    const found = await examine(registry.host, { readOnly: true });
    expect(found.get("pull")!.state).toBe("ok");
    expect(found.get("blobs")!.state).toBe("failed");
    expect(found.get("referrers")!.state).toBe("ok");
  });

  function sentTo(location: string): TestRegistryOptions {
    return answering(({ method }, path) =>
      method === "POST" && path.endsWith("/uploads/")
        ? new Response(null, { status: 202, headers: { location } })
        : undefined,
    );
  }

  test("uploads that are sent to another host, which nobody follows in here", async () => {
    const options = { resolve: async () => ["10.1.2.3"] };
    const found = await examine((await start(sentTo("http://inner.invalid/upload/1"))).host, { options });
    expect(found.get("location")!.said).toContain("uploads go to inner.invalid");
    expect(found.get("upload")).toMatchObject({ state: "failed", said: expect.stringContaining("does not belong to") });
  });

  test("uploads that are sent back without the port", async () => {
    const registry = await start(sentTo("http://127.0.0.1/v2/team/app/blobs/uploads/1"));
    const found = await examine(registry.host);
    expect(found.get("location")!.said).toContain(`a run uses ${registry.url}`);
  });
});
