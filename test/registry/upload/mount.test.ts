/** Mounts: what they ask for, and what becomes of those that are refused. */
import { expect, test } from "bun:test";
import { openRegistry, type RegistryOptions } from "../../../src/registry/registry.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import type { Sink } from "../../../src/store/store.ts";
import { type FaultRule, withFaults } from "../../support/faults.ts";
import { part, randomBytes } from "../../support/random-image.ts";
import { startRegistry, type TestRegistry } from "../../support/registry.ts";
import { thrownBy } from "../../support/thrown.ts";

const FAST: RegistryOptions = { retry: { attempts: 2, delay: 1, maximum: 5 } };
const BLOB = part("application/octet-stream", randomBytes("mount", 100_000));
const OTHER = part("application/octet-stream", randomBytes("mount other", 1000));
const { descriptor } = BLOB;

function faulty(...rules: readonly FaultRule[]): Promise<TestRegistry> {
  return startRegistry(memoryStore(), { wrap: (handler) => withFaults(handler, rules) });
}

function open({ host }: TestRegistry): (path: string) => Sink {
  return openRegistry(host, FAST).repository;
}

function lines({ requests }: TestRegistry): string[] {
  return requests
    .filter(({ path }) => path !== "/v2/")
    .map(({ method, path, status }) => `${method} ${path} ${status}`);
}

test("names the blob and where it is, and moves no byte", async () => {
  await using server = await faulty();
  const repository = open(server);
  await repository("from/here").put(BLOB);
  server.reset();
  const { place } = repository("from/here");
  expect(await repository("to").mount!(descriptor, place)).toBe(true);
  expect(lines(server)).toEqual([`POST /v2/to/blobs/uploads/?mount=${descriptor.digest}&from=from/here 201`]);
});

test("is not tried between registries, nor for manifests", async () => {
  await using server = await faulty();
  const to = open(server)("to");
  expect(await to.mount!(descriptor, { space: "elsewhere", path: "from" })).toBe(false);
  expect(await to.mount!(descriptor, { space: server.host, path: "../from" })).toBe(false);
  const manifest = { ...descriptor, mediaType: "application/vnd.oci.image.manifest.v1+json" };
  expect(await to.mount!(manifest, { space: server.host, path: "from" })).toBe(false);
  expect(server.requests).toEqual([]);
});

test("leaves its session to the upload, of whichever handle on the repository", async () => {
  await using server = await faulty();
  const repository = open(server);
  expect(await repository("to").mount!(descriptor, { space: server.host, path: "from" })).toBe(false);
  await repository("to").put(BLOB);
  const methods = server.requests.filter(({ path }) => path !== "/v2/").map(({ method }) => method);
  expect(methods).toEqual(["POST", "PUT"]);
});

test("a session that has ended meanwhile is replaced", async () => {
  await using server = await faulty({ method: "PUT", times: 1, fault: { type: "status", status: 404 } });
  const to = open(server)("to");
  await to.mount!(descriptor, { space: server.host, path: "from" });
  await to.put(BLOB);
  expect([server.count("POST"), server.count("PUT"), server.count("PATCH")]).toEqual([2, 2, 0]);
  expect(await server.store.repository("to").has(descriptor)).toBe(true);
});

test.each([400, 401, 403, 405, 500, 501])("answered %d it is just refused, and not asked for again", async (status) => {
  const only = /mount=/;
  await using server = await faulty({ method: "POST", path: only, fault: { type: "status", status } });
  const to = open(server)("to");
  expect(await to.mount!(descriptor, { space: server.host, path: "from" })).toBe(false);
  const asked = server.count("POST", only);
  expect(await to.mount!(OTHER.descriptor, { space: server.host, path: "from" })).toBe(false);
  expect(server.count("POST", only)).toBe(asked);
  await to.put(BLOB);
  expect(await server.store.repository("to").has(descriptor)).toBe(true);
});

test("a blob that is not there says nothing about the next one", async () => {
  await using server = await faulty({ method: "POST", times: 1, fault: { type: "status", status: 404 } });
  const repository = open(server);
  await server.store.repository("from").put(BLOB);
  expect(await repository("to").mount!(OTHER.descriptor, { space: server.host, path: "from" })).toBe(false);
  expect(await repository("to").mount!(descriptor, { space: server.host, path: "from" })).toBe(true);
});

test("where nobody answers it fails", async () => {
  await using server = await faulty({ method: "POST", fault: { type: "drop", after: 0 } });
  const to = open(server)("to");
  const error = await thrownBy(() => to.mount!(descriptor, { space: server.host, path: "from" }));
  expect(error).toMatchObject({ code: "NETWORK" });
});
