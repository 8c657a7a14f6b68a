/**
 * Hostile registries: each answers one thing wrongly, everything is tried with it, and then all that was asked of anybody is
 * searched for secrets. docs/security.md says which advisories these are.
 */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { collect, encode } from "../../src/bytes/stream.ts";
import { OCI_MANIFEST } from "../../src/oci/media-types.ts";
import type { Keychain } from "../../src/registry/credentials/credential.ts";
import { openRegistry } from "../../src/registry/registry.ts";
import type { Exchange, Transport } from "../../src/registry/wire/exchange.ts";
import { createHandler } from "../../src/serve/handler.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { readAll } from "../../src/store/read.ts";
import { part, randomBytes } from "../support/random-image.ts";
import { CASES } from "./scripted/run.ts";

/** Whatever of these is seen by a stranger is a leak. */
const SECRETS = {
  password: "pass-word-5ecret",
  basic: btoa("somebody:pass-word-5ecret"),
  identity: "identity-t0ken",
  token: "bearer-t0ken",
} as const;
const CONTENT = part("application/octet-stream", encode(`content-5ecret ${"x".repeat(1000)}`));
const MANIFEST = part(
  OCI_MANIFEST,
  encode(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: CONTENT.descriptor, layers: [] })),
);

/** Names that lead inside. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "rebound.example": ["10.0.0.7"],
  "metadata.example": ["169.254.169.254"],
  "home.example": ["::ffff:7f00:1"],
};

/** Who may see what: the registry and its token server all of it, other hosts of theirs content only. */
const OWN: ReadonlySet<string> = new Set(["r.example", "auth.r.example"]);
const INNER = /^(?:10\.|127\.|169\.254\.|192\.168\.|\[|localhost|metadata|rebound|home|redis$|0\.0\.0\.0)/;

interface Seen {
  readonly url: URL;
  readonly text: string;
}

type Hostile = (url: URL, exchange: Exchange) => Response | undefined;

interface World {
  readonly seen: Seen[];
  readonly transport: Transport;
}

/** r.example is a registry that wants a token of auth.r.example, but for what is hostile; all others are strangers who want to know more. */
function worldOf(hostile: Hostile): World {
  const seen: Seen[] = [];
  const store = memoryStore();
  const handler = createHandler(store);
  const transport: Transport = async (address, exchange) => {
    const url = new URL(address);
    const { method, headers, upload, signal } = exchange;
    const body = upload instanceof Uint8Array ? upload : upload && (await collect(upload.open(), 1 << 20));
    signal?.throwIfAborted();
    const text = `${method} ${address} ${JSON.stringify(headers)} ${body ? new TextDecoder().decode(body) : ""}`;
    seen.push({ url, text });
    const answer = hostile(url, exchange);
    if (answer) return answer;
    if (url.host === "auth.r.example")
      return headers.authorization || method === "POST"
        ? Response.json({ token: SECRETS.token })
        : new Response("", { status: 401 });
    if (url.host === "r.example")
      return headers.authorization === `Bearer ${SECRETS.token}`
        ? handler(new Request(address, { method, headers, ...(body ? { body } : {}) }))
        : challenged('Bearer realm="https://auth.r.example/token"');
    return challenged(`Basic realm="x", Bearer realm="https://${url.host}/token"`);
  };
  return { seen, transport };
}

function challenged(challenge: string, status = 401): Response {
  const name = status === 407 ? "proxy-authenticate" : "www-authenticate";
  return new Response("{}", { status, headers: { [name]: challenge } });
}

function to(location: string, status = 307): Response {
  return new Response("", { status, headers: { location } });
}

const PASSWORD: Keychain = async (host) =>
  host === "r.example"
    ? { credential: { username: "somebody", password: SECRETS.password }, origin: "the test", named: true }
    : undefined;
const IDENTITY: Keychain = async () => ({
  credential: { username: "<token>", password: "", identityToken: SECRETS.identity },
  origin: "the test",
  named: true,
});

/** Everything that a run does with a registry; what it fails with, as it would be shown. */
async function use({ transport }: World, credentials: Keychain): Promise<string[]> {
  const registry = openRegistry("r.example", {
    transport,
    credentials,
    resolve: async ({ hostname }) => NAMES[hostname] ?? [],
    retry: { attempts: 2, delay: 1, maximum: 1 },
    stall: 1000,
    onRequest: ({ url }) => void shown.push(url),
  });
  const shown: string[] = [];
  const repository = registry.repository("team/app");
  const blob = { ...CONTENT.descriptor };
  const works: (() => Promise<unknown>)[] = [
    () => repository.put(CONTENT),
    () => repository.mount!(blob, { space: "r.example", path: "other/app" }),
    () => repository.has(blob),
    () => repository.put(MANIFEST),
    () => repository.tag("v1", MANIFEST),
    () => repository.resolve("v1"),
    () => readAll(repository.get(blob), 1 << 20),
    () => Array.fromAsync(repository.tags!()),
    () => registry.repository("team/web").put(part("application/octet-stream", randomBytes("again", 100))),
  ];
  for (const work of works) {
    try {
      await work();
    } catch (error) {
      shown.push(Bun.inspect(error, { depth: 12 }).replace(/^.*\d+ \|.*$/gm, ""), String((error as Error).cause ?? ""));
    }
  }
  return shown;
}

const at = (url: URL, path: RegExp): boolean => url.host === "r.example" && path.test(url.pathname);
const BLOB = /\/blobs\/sha256:/;
const UPLOADS = /\/blobs\/uploads\/$/;
const SESSION = /\/blobs\/uploads\/./;
const TAGS = /\/tags\/list$/;
const MANIFESTS = /\/manifests\//;

/** Once it was let in. */
const isIn = ({ headers }: Exchange): boolean => headers.authorization !== undefined;

const ATTACKS: Readonly<Record<string, Hostile>> = {};
function attack(name: string, hostile: Hostile): void {
  (ATTACKS as Record<string, Hostile>)[name] = hostile;
}

for (const realm of [
  "https://evil.example.net/token",
  "//evil.example.net/token",
  "\\\\\\\\evil.example.net\\\\token",
  "https://r.example@evil.example.net/token",
  "https://evil.example.net#@r.example/",
  "https://r.example.evil.example.net/token",
  "https://r.exampl\u0435/token",
  "http://r.example/token",
  "http://auth.r.example/token",
  "ws://auth.r.example/token",
  "https://169.254.169.254/latest/api/token",
  "https://0xa9.0xfe.43518/",
  "https://[::ffff:a9fe:a9fe]/",
  "https://[64:ff9b::a9fe:a9fe]/",
  "https://metadata.google.internal/",
  "https://metadata.example/token",
  "https://rebound.example/token",
  "https://home.example/token",
  "https://localhost/token",
  "https://redis/token",
])
  attack(`realm ${realm}`, (url, exchange) =>
    url.host === "r.example" && !isIn(exchange) ? challenged(`Bearer realm="${realm}",service="r"`) : undefined,
  );

attack("realm of another after the right one", (url, exchange) =>
  url.host === "r.example" && !isIn(exchange)
    ? challenged('Bearer realm="https://evil.example.net/t", Bearer realm="https://auth.r.example/token"')
    : undefined,
);
attack("realm twice in one challenge", (url, exchange) =>
  url.host === "r.example" && !isIn(exchange)
    ? challenged('Bearer realm="https://auth.r.example/token",realm="https://evil.example.net/t"')
    : undefined,
);
let turns = 0;
attack("realm of another once we are known", (url, exchange) =>
  url.host === "r.example" && isIn(exchange) && ++turns % 3 === 0
    ? challenged('Bearer realm="https://evil.example.net/t",error="invalid_token"')
    : undefined,
);
attack("a proxy's challenge from a registry", (url) =>
  at(url, BLOB) ? challenged('Basic realm="https://evil.example.net"', 407) : undefined,
);
for (const status of [301, 302, 303, 307, 308]) {
  attack(`token server moved with ${status}`, (url) =>
    url.host === "auth.r.example" ? to("https://evil.example.net/token", status) : undefined,
  );
  attack(`everything moved with ${status}`, (url, exchange) =>
    url.host === "r.example" && isIn(exchange) ? to(`https://evil.example.net${url.pathname}`, status) : undefined,
  );
}
for (const target of [
  "http://r.example/plain",
  "//evil.example.net/x",
  "https://r.example:444/x",
  "https://user:word@evil.example.net/x",
  "https://10.1.1.1/x",
  "https://127.0.0.1:2375/containers/json",
  "https://169.254.169.254/latest/meta-data/",
  "https://[fd00:ec2::254]/latest",
  "https://rebound.example/x",
  "https://metadata.example/x",
  "file:///etc/passwd",
  "data:application/octet-stream,x",
  "",
])
  attack(`redirect to ${target || "nowhere"}`, (url, exchange) =>
    isIn(exchange) && (at(url, BLOB) || at(url, MANIFESTS)) ? to(target) : undefined,
  );
attack("away and back", (url, exchange) => {
  if (url.host === "evil.example.net") return to("https://r.example/collect");
  return isIn(exchange) && at(url, BLOB) ? to("https://evil.example.net/x") : undefined;
});
for (const location of [
  "https://evil.example.net/up?x=",
  "//evil.example.net/up",
  "https://r.example@evil.example.net/up",
  "https://r.example.evil.example.net/up",
  "http://uploads.r.example/up",
  "https://10.1.1.1/up",
  "https://rebound.example/up",
  "https://169.254.169.254/up",
  "https://uploads.r.example/up",
  "gopher://r.example/up",
])
  attack(`upload at ${location}`, (url, exchange) =>
    isIn(exchange) && at(url, UPLOADS) ? new Response("", { status: 202, headers: { location } }) : undefined,
  );
attack("content moved in the middle", (url, exchange) =>
  isIn(exchange) && at(url, SESSION) ? to("https://evil.example.net/up") : undefined,
);
attack("manifest moved while it is put", (url, exchange) =>
  isIn(exchange) && exchange.method === "PUT" && at(url, MANIFESTS) ? to("https://evil.example.net/m", 308) : undefined,
);
for (const link of ["https://evil.example.net/v2/x", "//evil.example.net/v2/x", "https://169.254.169.254/v2/x"])
  attack(`tags go on at ${link}`, (url, exchange) =>
    isIn(exchange) && at(url, TAGS)
      ? Response.json({ tags: ["a"] }, { headers: { link: `<${link}>; rel="next"` } })
      : undefined,
  );
attack("words that repeat what was sent", (url, { headers: { authorization } }) =>
  authorization !== undefined && at(url, /./)
    ? Response.json(
        {
          errors: [
            { code: "DENIED", message: `no: Authorization: ${authorization} (${authorization}) ${url}?sig=abc` },
          ],
        },
        { status: 403 },
      )
    : undefined,
);
attack("headers that ask to be remembered", (url, exchange) => {
  if (url.host !== "r.example" || isIn(exchange)) return undefined;
  const challenge = challenged('Bearer realm="https://auth.r.example/token"');
  for (const [name, value] of [
    ["set-cookie", `session=${SECRETS.token}; Domain=.example.net`],
    ["alt-svc", 'h2="evil.example.net:443"'],
    ["refresh", "0;url=https://evil.example.net/"],
    ["content-location", "https://evil.example.net/"],
  ] as const)
    challenge.headers.append(name, value);
  return challenge;
});

test.each(Object.entries(ATTACKS))("%s", async (_, hostile) => {
  for (const credentials of [PASSWORD, IDENTITY]) {
    const world = worldOf(hostile);
    const shown = await use(world, credentials);
    for (const { url, text } of world.seen) {
      expect(url.protocol).toBe("https:");
      expect(url.hostname).not.toMatch(INNER);
      if (!OWN.has(url.host)) for (const secret of Object.values(SECRETS)) expect(text).not.toContain(secret);
      if (!url.hostname.endsWith("r.example")) expect(text).not.toContain("content-5ecret");
      if (url.pathname === "/collect") expect(text).not.toContain("authorization");
    }
    // The registry has its own token, and the token server the password.
    const atRegistry = world.seen.filter(({ url }) => url.host === "r.example");
    for (const { text } of atRegistry)
      for (const secret of [SECRETS.password, SECRETS.basic, SECRETS.identity]) expect(text).not.toContain(secret);
    for (const secret of Object.values(SECRETS)) expect(shown.join("\n")).not.toContain(secret);
  }
});

test("the search finds what it looks for, where nobody is hostile", async () => {
  const world = worldOf(() => undefined);
  expect(await use(world, PASSWORD).then((shown) => shown.filter((one) => one.includes("Cannot")))).toEqual([]);
  const seenAt = (host: string): string =>
    world.seen
      .filter(({ url }) => url.host === host)
      .map(({ text }) => text)
      .join("\n");
  expect(seenAt("auth.r.example")).toContain(SECRETS.basic);
  expect(seenAt("r.example")).toContain(SECRETS.token);
  expect(seenAt("r.example")).toContain("content-5ecret");
  const other = worldOf(() => undefined);
  await use(other, IDENTITY);
  expect(other.seen.some(({ url, text }) => url.host === "auth.r.example" && text.includes(SECRETS.identity))).toBe(
    true,
  );
});

test("credentials belong to the registry that the user named, not to where it sends us", async () => {
  const hosts: string[] = [];
  const world = worldOf((url, exchange) =>
    isIn(exchange) && at(url, BLOB) ? to("https://evil.example.net/") : undefined,
  );
  await use(world, async (host, ...rest) => {
    hosts.push(host);
    return PASSWORD(host, ...rest);
  });
  expect(new Set(hosts)).toEqual(new Set(["r.example"]));
});

test("a header of challenges without an end is read in no time", async () => {
  const endless = `Bearer realm="${"\\".repeat(50_000)}, ${'a="b'.repeat(20_000)} ${"=,".repeat(20_000)}`;
  const world = worldOf((url, exchange) =>
    url.host === "r.example" && !isIn(exchange) ? challenged(endless) : undefined,
  );
  await use(world, PASSWORD);
  expect(new Set(world.seen.map(({ url }) => url.host))).toEqual(new Set(["r.example"]));
});

test.each(["169.254.169.254", "[fe80::1]:5000", "metadata.google.internal", "metadata.example:5000"])(
  "%s is no registry, not even when it is named as one",
  async (host) => {
    for (const tlsVerify of [true, false]) {
      const asked: string[] = [];
      const transport: Transport = async (url) => {
        asked.push(url);
        return new Response();
      };
      const resolve = async ({ hostname }: URL): Promise<readonly string[]> => NAMES[hostname] ?? [];
      const registry = openRegistry(host, { transport, resolve, tlsVerify, credentials: IDENTITY });
      await expect(registry.repository("a").resolve("latest")).rejects.toThrow("link-local");
      expect(asked).toEqual([]);
    }
  },
);

test("the tests that the docs name are there", async () => {
  const root = join(import.meta.dirname, "..", "..");
  const lines = (await readFile(join(root, "docs", "security.md"), "utf8")).split("\n");
  const named = lines
    .filter((line) => line.startsWith("|"))
    .flatMap((line) => [...line.matchAll(/`(scripted|test\/[^`]+\.ts)`:((?:,? "[^"]+")+)/g)]);
  expect(named.length).toBeGreaterThan(30);
  const missing: string[] = [];
  for (const [, path = "", names = ""] of named) {
    const text = path === "scripted" ? "" : await readFile(join(root, path), "utf8");
    const isThere = (name: string): boolean =>
      path === "scripted" ? CASES.some((one) => one.name.split(": ")[1]!.startsWith(name)) : text.includes(name);
    for (const [, name = ""] of names.matchAll(/"([^"]+)"/g)) if (!isThere(name)) missing.push(`${path}: ${name}`);
  }
  expect(missing).toEqual([]);
});
