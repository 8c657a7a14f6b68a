/** The search for what images lack. */
import { expect, test } from "bun:test";
import { startChecking } from "../../../src/operations/verification/checking.ts";
import type { HeldImage } from "../../../src/operations/verification/findings.ts";
import { lackingIn } from "../../../src/operations/verification/lacking.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import { image } from "../../support/random-image.ts";

test("ends while it looks at the images, when it is told to", async () => {
  const control = new AbortController();
  const root = image().manifests[0]!.descriptor;
  const looked: number[] = [];
  const held = Array.from({ length: 5 }, (_, at): HeldImage => {
    return {
      name: `r/${at}`,
      reference: { path: `r/${at}`, tag: "1", root },
      problem: undefined,
      get contents() {
        looked.push(at);
        if (at === 1) control.abort(new Error("enough"));
        return [];
      },
    };
  });
  const options = { flaws: [], archive: undefined, checking: startChecking(), signal: control.signal };
  await expect(lackingIn(memoryStore(), held, options)).rejects.toThrow("enough");
  expect(looked).toEqual([0, 1]);
});
