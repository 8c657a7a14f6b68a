/** What the doctor says of a registry in good health, and that it leaves nothing behind. */
import { describe, expect, test } from "bun:test";
import type { Finding } from "../../src/operations/diagnosis/finding.ts";
import { examine, left, openWard, states, unfinished, withRemoval, written } from "../support/examine.ts";
import { type FaultRule, withFaults } from "../support/faults.ts";
import { thrownBy } from "../support/thrown.ts";

const { start } = openWard();

describe("a registry in good health", () => {
  test("is told so, check by check", async () => {
    const registry = await start();
    const found = await examine(registry.host, { tag: "v1" });
    expect(states(found)).toEqual([
      "note credentials",
      "ok proxy",
      "ok name",
      "ok encryption",
      "ok connection",
      "ok clock",
      "ok protocol",
      "ok pull",
      "ok digest by HEAD",
      "ok resume",
      "ok referrers",
      "ok push",
      "ok upload",
      "ok mount",
      "ok manifests",
      "skipped subject",
      "note sparse index",
      "note clean-up",
    ]);
  });

  test("a repository that is not there yet is read after it was written", async () => {
    const found = await examine((await start()).host, { path: "new/one" });
    expect(states(found).slice(7)).toEqual([
      "note pull",
      "ok push",
      "ok upload",
      "ok resume",
      "ok mount",
      "ok manifests",
      "skipped subject",
      "ok referrers",
      "note sparse index",
      "note clean-up",
    ]);
  });

  test("without a repository nothing of one is asked", async () => {
    const registry = await start();
    const found = await examine(registry.host, { path: undefined });
    expect(found.get("pull and push")!.state).toBe("skipped");
    expect(new Set(registry.requests.map(({ path }) => path))).toEqual(new Set(["/v2/"]));
  });

  test("nothing is written where only reading was asked for", async () => {
    const registry = await start();
    const found = await examine(registry.host, { readOnly: true });
    expect(found.get("push")!.state).toBe("skipped");
    expect(found.has("clean-up")).toBe(false);
    expect(new Set(registry.requests.map(({ method }) => method))).toEqual(new Set(["HEAD", "GET"]));
  });
});

describe("what is written", () => {
  test("is removed, all of it", async () => {
    const registry = await start({ wrap: withRemoval });
    const found = await examine(registry.host);
    expect(found.get("clean-up")).toMatchObject({ state: "ok", said: "what was written is removed" });
    expect(written(registry)).toHaveLength(6);
    expect(left(registry)).toEqual([]);
    expect(unfinished(registry)).toBe(0);
  });

  test("has no tag where nothing is removed, and brings none about", async () => {
    const registry = await start();
    await examine(registry.host);
    expect(await Array.fromAsync(registry.store.repository("team/app").tags!())).toEqual(["v1"]);
  });

  test("is never the same twice: nobody else's content is removed", async () => {
    const registry = await start({ wrap: withRemoval });
    await examine(registry.host);
    const first = written(registry);
    registry.reset();
    await examine(registry.host);
    expect(first.filter((digest) => written(registry).includes(digest))).toEqual([]);
  });

  test.each(["push", "upload", "mount", "manifests", "subject"])(
    "is removed after an abort behind %s",
    async (check) => {
      const registry = await start({ wrap: withRemoval });
      const control = new AbortController();
      let cleaned: Finding | undefined;
      const error = await thrownBy(() =>
        examine(registry.host, {
          signal: control.signal,
          onFinding(finding) {
            if (finding.check === check) control.abort(new Error("enough"));
            if (finding.check === "clean-up") cleaned = finding;
          },
        }),
      );
      expect(error).toEqual(new Error("enough"));
      expect(cleaned?.state).toBe("ok");
      expect(left(registry)).toEqual([]);
      expect(unfinished(registry)).toBe(0);
    },
  );

  test("is removed after an abort while an upload begins", async () => {
    const control = new AbortController();
    const registry = await start({
      wrap: (handler) => async (request) => {
        if (request.method === "POST") control.abort(new Error("enough"));
        return withRemoval(handler)(request);
      },
    });
    expect(await thrownBy(() => examine(registry.host, { signal: control.signal }))).toEqual(new Error("enough"));
    expect(registry.count("POST")).toBe(1);
    expect(unfinished(registry)).toBe(0);
  });

  test("is removed after the registry broke in the middle", async () => {
    const rules: FaultRule[] = [{ method: "PUT", path: /manifests/, fault: { type: "drop", after: 0 } }];
    const registry = await start({ wrap: (handler) => withRemoval(withFaults(handler, rules)) });
    const found = await examine(registry.host);
    expect(found.get("manifests")!.state).toBe("failed");
    expect(found.get("clean-up")!.state).toBe("ok");
    expect(left(registry)).toEqual([]);
  });

  test("stays where the registry removes nothing, and that is told", async () => {
    const found = await examine((await start()).host);
    expect(found.get("clean-up")!.said).toBe(
      "5 of 5 things that were written, without a tag, 1.3 MB at most: the registry does not remove them on request",
    );
  });
});
