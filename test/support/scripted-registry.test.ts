/** That the scripted registry fails a case whose requests are not those of its script, and says how. */
import { describe, expect, test } from "bun:test";
import { converse, type Talk } from "./scripted-registry.ts";

/** Why the case failed; undefined where it did not. */
async function problemOf(play: (talk: Talk) => Promise<void>): Promise<string | undefined> {
  return converse(play).then(
    () => undefined,
    (error: Error) => error.message.replace(/:\d{4,5}\b/g, ":PORT"),
  );
}

describe("a request", () => {
  test("that is expected is answered", async () => {
    const problem = await problemOf(async ({ registry }) => {
      registry("PUT /x?a=%2F [x-one: a b] [no x-two] -> 202 [location: /y] [x-more: 1]", {
        sent: "hel…",
        body: "there",
      });
      const headers = { "x-one": "a b" };
      const response = await fetch(`${registry.url}/x?a=%2F`, { method: "PUT", body: "hello", headers });
      expect([response.status, response.headers.get("location"), await response.text()]).toEqual([202, "/y", "there"]);
    });
    expect(problem).toBeUndefined();
  });

  test("that nobody made fails the case", async () => {
    const problem = await problemOf(async ({ registry }) => registry("GET /x -> 200"));
    expect(problem).toBe("the conversation went another way\n  -- nobody asked for\n     registry GET /x -> 200");
  });

  test("that is not the next one fails the case, with what differs", async () => {
    const problem = await problemOf(async ({ registry, cdn }) => {
      registry("GET /first -> 200");
      registry("GET /second [range: bytes=1-2] -> 206");
      cdn("GET /third -> 200");
      await fetch(`${registry.url}/first`);
      await fetch(`${registry.url}/second`, { headers: { authorization: "Bearer t" } });
      expect((await fetch(`${cdn.url}/third`)).status).toBe(418);
    });
    expect(problem?.split("\n")).toEqual([
      "the conversation went another way",
      "   1 registry GET /first -> 200",
      "  -- seen      registry GET /second [authorization: Bearer t]",
      "     expected  registry GET /second [range: bytes=1-2] -> 206",
      "               authorization is Bearer t, not absent",
      "               range is absent, not bytes=1-2",
    ]);
  });

  test("with another body fails the case", async () => {
    const problem = await problemOf(async ({ registry }) => {
      registry("POST /x -> 200", { sent: "one" });
      await fetch(`${registry.url}/x`, { method: "POST", body: "two" });
    });
    expect(problem).toEndWith('-- the body of POST /x is "two", not "one"');
  });

  test("at another host fails the case", async () => {
    const problem = await problemOf(async ({ registry, cdn }) => {
      registry("GET /x -> 200");
      await fetch(`${cdn.url}/x`);
    });
    expect(problem).toEndWith("-- seen      cdn GET /x\n     expected  registry GET /x -> 200");
  });

  test("to a host that is not in the script is not made", async () => {
    const problem = await problemOf(async ({ named, open }) => {
      named("registry.example");
      await open({ host: "other.example" } as Talk["registry"])
        .repository("a")
        .resolve("v1");
    });
    expect(problem).toContain("somebody else was asked: HEAD https://other.example/v2/a/manifests/v1");
  });

  test("that is always answered is counted", async () => {
    const problem = await problemOf(async ({ registry }) => {
      const times = registry.always("GET /… -> 204");
      for (const path of ["/a", "/b?c"]) expect((await fetch(registry.url + path)).status).toBe(204);
      expect(times.length).toBe(2);
    });
    expect(problem).toBeUndefined();
  });
});

describe("an answer", () => {
  async function bodyOf(line: string, saying: object): Promise<string> {
    let body = "";
    await converse(async ({ registry }) => {
      registry(`GET /x -> ${line}`, saying);
      try {
        const response = await fetch(`${registry.url}/x`);
        for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) body += Buffer.from(chunk);
      } catch {
        body += "|";
      }
    });
    return body;
  }

  test.each([
    ["200", { body: "hello" }, "hello"],
    ["200", { body: "hello", unmeasured: true }, "hello"],
    ["200", { body: "hello", cut: 2 }, "he|"],
    ["200 [content-length: 9]", { body: "hello", cut: 5 }, "hello|"],
    ["200", { body: { a: 1 } }, '{"a":1}'],
    ["cut", {}, "|"],
  ])("%s with %p comes as %p", async (line, saying, body) => {
    expect(await bodyOf(line, saying)).toBe(body);
  });

  test("may be silence, from the first or in the middle", async () => {
    for (const [line, saying] of [["silence", {}] as const, ["200", { body: "hello", silent: 2 }] as const])
      await converse(async ({ registry }) => {
        registry(`GET /x -> ${line}`, saying);
        const work = fetch(`${registry.url}/x`, { signal: AbortSignal.timeout(50) }).then((response) =>
          response.text(),
        );
        await expect(work).rejects.toThrow("timed out");
      });
  });

  test("may come before the body of the request", async () => {
    await converse(async ({ registry }) => {
      registry("PUT /x [transfer-encoding: chunked] -> 401", { early: true, body: "no" });
      const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) });
      const response = await fetch(`${registry.url}/x`, { method: "PUT", body, duplex: "half" } as RequestInit);
      expect(response.status).toBe(401);
      await response.body?.cancel();
    });
  });
});

test.each(["GET /x", "GET /x -> no", "GET -> 200", "GET /x [a] -> 200", "GET /x -> 200 a: b"])(
  "%p is no line of a script",
  async (line) => {
    expect(await problemOf(async ({ registry }) => registry(line))).toMatch(/^no (?:line of a conversation|header): /);
  },
);
