/** https or http. */
import { expect, test } from "bun:test";
import { createScheme } from "../../../src/registry/network/scheme.ts";
import type { Transport } from "../../../src/registry/wire/exchange.ts";

function probing(answers: Readonly<Record<string, number | Error>>): { asked: string[]; send: Transport } {
  const asked: string[] = [];
  return {
    asked,
    send: async (url, { unverified }) => {
      const origin = url.replace(/\/v2\/$/, "");
      asked.push(unverified ? `${origin} unverified` : origin);
      const answer = answers[origin.split(":", 1)[0]!]!;
      if (answer instanceof Error) throw answer;
      return new Response("", { status: answer });
    },
  };
}

const NOT_TLS = Object.assign(new TypeError("handshake failed"), { code: "EPROTO" });
const REFUSED = Object.assign(new TypeError("no"), { code: "ECONNREFUSED" });
const UNTRUSTED = Object.assign(new TypeError("self signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });

test("https without asking", async () => {
  const { asked, send } = probing({});
  expect(await createScheme("r.example:5000", true, send)()).toBe("https://r.example:5000");
  expect(asked).toEqual([]);
});

test.each(["localhost:5000", "127.0.0.1:5000", "127.9.9.9", "a.localhost", "[::1]:5000"])(
  "%s by http",
  async (host) => {
    const { asked, send } = probing({ http: 401 });
    const find = createScheme(host, true, send);
    expect(await Promise.all([find(), find()])).toEqual([`http://${host}`, `http://${host}`]);
    expect(await find()).toBe(`http://${host}`);
    expect(asked).toEqual([`http://${host}`]);
  },
);

test("this machine by https, where it says so to http", async () => {
  expect(await createScheme("localhost:1", true, probing({ http: 400, https: 200 }).send)()).toBe(
    "https://localhost:1",
  );
  expect(await createScheme("localhost:1", true, probing({ http: new Error("cut"), https: 200 }).send)()).toStartWith(
    "https",
  );
  expect(await createScheme("localhost:1", true, probing({ http: 400, https: NOT_TLS }).send)()).toBe(
    "http://localhost:1",
  );
});

test("unverified: https, then http", async () => {
  const tls = probing({ https: 200 });
  expect(await createScheme("r.example", false, tls.send)()).toBe("https://r.example");
  expect(tls.asked).toEqual(["https://r.example unverified"]);
  for (const trouble of [NOT_TLS, REFUSED])
    expect(await createScheme("r.example", false, probing({ https: trouble, http: 200 }).send)()).toBe(
      "http://r.example",
    );
});

test("unverified: what says nothing of the host decides nothing", async () => {
  const cut = new Error("cut");
  const gateway = probing({ https: cut, http: 503 });
  expect(await createScheme("r.example", false, gateway.send)().catch((thrown: unknown) => thrown)).toBe(cut);
  const busy = probing({ https: cut, http: 400 });
  expect(await createScheme("r.example", false, busy.send)().catch((thrown: unknown) => thrown)).toBe(cut);
  expect(await createScheme("r.example", false, probing({ https: NOT_TLS, http: 400 }).send)()).toBe(
    "http://r.example",
  );
  expect(await createScheme("r.example", false, probing({ https: UNTRUSTED, http: 200 }).send)()).toBe(
    "https://r.example",
  );
});

test("a certificate is an answer, a closed port too, and a failure is not kept", async () => {
  expect(await createScheme("localhost:1", true, probing({ http: 400, https: UNTRUSTED }).send)()).toStartWith("https");
  const closed = probing({ http: REFUSED, https: 200 });
  const find = createScheme("localhost:1", true, closed.send);
  expect(await find().catch((thrown: unknown) => thrown)).toBe(REFUSED);
  expect(await find().catch((thrown: unknown) => thrown)).toBe(REFUSED);
  expect(closed.asked).toEqual(["http://localhost:1", "http://localhost:1"]);
});
