/** What a run tells: lines while it goes on, one at the end, the list of what failed, the exit code. */
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { failedPath } from "../../src/cli/failed-path.ts";
import { type Listed, report } from "../../src/cli/report.ts";
import { AppError, IntegrityError } from "../../src/errors.ts";
import type { OnEvent } from "../../src/events.ts";
import { type Summary, startSummary } from "../../src/operations/summary.ts";
import { image } from "../support/random-image.ts";
import { recordedSession } from "../support/session.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary.ts";

let folder: TemporaryFolder;
let path: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  path = join(folder.path, "failed.txt");
});
afterEach(() => folder[Symbol.asyncDispose]());

const LISTED: Listed[] = ["nginx", "redis:7", "quay.io/a/b"].map((line, at) => ({
  line,
  image: { id: at + 1, name: `full ${line}` },
}));
const [one, two, three] = LISTED.map(({ image }) => image);

/** Runs `work` under report(), and returns all that a user sees. */
async function reported(
  work: (onEvent: OnEvent) => Promise<Summary>,
  { listed = LISTED, atomic = false } = {},
): Promise<{ code: number | undefined; error: unknown; stdout: string; lines: string[]; failed: string | undefined }> {
  const session = recordedSession();
  let stdout = "";
  const spy = spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
  let code: number | undefined;
  let error: unknown;
  try {
    code = await report(listed, { past: "Saved", failed: await failedPath(path, {}), atomic }, session, work);
  } catch (thrown) {
    error = thrown;
  } finally {
    spy.mockRestore();
  }
  const failed = await readFile(path, "utf8").catch(() => undefined);
  return { code, error, stdout: stdout.replace(/\d+s\n$/, "0s\n"), lines: session.lines, failed };
}

test("all done: exit 0, one line, no list", async () => {
  await writeFile(path, "of an earlier run\n");
  const { code, stdout, lines, failed } = await reported(async (onEvent) => {
    const tally = startSummary(onEvent);
    tally.moved("copied", 3 << 20);
    tally.moved("mounted", 7);
    tally.moved("present", 7);
    onEvent({ type: "manifest", image: one!, number: 2, descriptor: image().root });
    for (const each of [one!, two!, three!]) tally.settle(each, "done");
    return { ...tally.now(), archived: 5 << 20 };
  });
  expect(code).toBe(0);
  expect(stdout).toBe("Saved 3 images; 1 of 3 blobs moved (3.00 MiB), 1 mounted; the archive has 5.00 MiB; 0s\n");
  expect(lines).toEqual([
    `[INFO] [M_ID:1] [IMG_ID:2] Saved ${image().root.digest}`,
    "[INFO] [M_ID:1] SAVED [full nginx]",
    "[INFO] [M_ID:2] SAVED [full redis:7]",
    "[INFO] [M_ID:3] SAVED [full quay.io/a/b]",
  ]);
  expect(failed).toBeUndefined();
});

test("some failed: exit 3, and a list that -f takes again", async () => {
  const { code, stdout, lines, failed } = await reported(async (onEvent) => {
    const tally = startSummary(onEvent);
    tally.settle(one!, "done");
    const error = new AppError("NOT_FOUND", "Cannot find it", { hint: "look elsewhere" });
    tally.settle(two!, "failed", { error, number: 2 });
    tally.settle(three!, "unchanged");
    return tally.now();
  });
  expect(code).toBe(3);
  expect(stdout).toBe("Saved 1 image, 1 unchanged, 1 failed; 0s\n");
  expect(lines).toEqual([
    "[INFO] [M_ID:1] SAVED [full nginx]",
    "[ERRO] [M_ID:2] [IMG_ID:2] FAILED [full redis:7] Cannot find it",
    "[ERRO] [M_ID:2] [IMG_ID:2] hint: look elsewhere",
    "[INFO] [M_ID:3] UNCHANGED [full quay.io/a/b]",
    `[WARN] the images that failed are listed in ${path}`,
  ]);
  expect(failed).toBe("redis:7\n");
});

test("of the blobs that were to be moved, those that were are counted", async () => {
  const { stdout } = await reported(async (onEvent) => {
    const tally = startSummary(onEvent);
    for (const each of [one!, two!]) onEvent({ type: "planned", image: each, blobs: 5, bytes: 50 });
    tally.moved("copied", 1 << 20);
    tally.moved("present", 7);
    for (const each of [one!, two!, three!]) tally.settle(each, "failed");
    return tally.now();
  });
  expect(stdout).toBe("Saved 0 images, 3 failed; 1 of 10 blobs moved (1.00 MiB); 0s\n");
});

test("blobs are not spoken of where nobody counts them", async () => {
  const { stdout } = await reported(async (onEvent) => {
    const tally = startSummary(onEvent);
    onEvent({ type: "planned", image: one!, blobs: 5, bytes: 50 });
    for (const each of [one!, two!, three!]) tally.settle(each, "done");
    return { ...tally.now(), archived: 5 << 20 };
  });
  expect(stdout).toBe("Saved 3 images; the archive has 5.00 MiB; 0s\n");
});

test("skipped images are no failure", async () => {
  const { code, stdout, lines } = await reported(async (onEvent) => {
    const tally = startSummary(onEvent);
    tally.settle(one!, "skipped", { error: new AppError("NOT_FOUND", "Cannot take it: no platform") });
    return tally.now();
  });
  expect(code).toBe(0);
  expect(stdout).toBe("Saved 0 images, 1 skipped; 0s\n");
  expect(lines).toEqual(["[WARN] [M_ID:1] SKIPPED [full nginx] Cannot take it: no platform"]);
});

test("damaged bytes are exit 4", async () => {
  const { code } = await reported(async (onEvent) => {
    const tally = startSummary(onEvent);
    tally.settle(one!, "failed", { error: new IntegrityError("Cannot read it", { expected: "a", actual: "b" }) });
    return tally.now();
  });
  expect(code).toBe(4);
});

test("lines that could not be understood count as failed, and are listed first", async () => {
  const wrong: Listed = {
    line: "Nginx",
    image: { id: 4, name: "Nginx" },
    error: new AppError("USAGE", "Cannot read it"),
  };
  const { code, stdout, failed } = await reported(
    async (onEvent) => {
      const tally = startSummary(onEvent);
      tally.settle(one!, "failed");
      return tally.now();
    },
    { listed: [...LISTED, wrong] },
  );
  expect(code).toBe(3);
  expect(stdout).toBe("Saved 0 images, 2 failed; 0s\n");
  expect(failed).toBe("Nginx\nnginx\n");
});

test("warnings and waits are told, with where they belong", async () => {
  const { lines } = await reported(async (onEvent) => {
    onEvent({ type: "warning", message: "careful", image: two });
    onEvent({ type: "warning", message: "careless" });
    onEvent({ type: "waiting", host: "h", milliseconds: 1500, why: "retry", reason: "it is busy" });
    return startSummary(onEvent).now();
  });
  expect(lines).toEqual(["[WARN] [M_ID:2] careful", "[WARN] careless", "[WARN] h: it is busy; trying again in 1.5 s"]);
});

describe("a run that stops early", () => {
  async function stopped(onEvent: OnEvent): Promise<Summary> {
    const tally = startSummary(onEvent);
    tally.settle(one!, "done");
    tally.settle(two!, "failed");
    throw new AppError("STORAGE", "Cannot write: no space is left");
  }

  test("lists what failed and what was not tried", async () => {
    const { error, stdout, failed, lines } = await reported(stopped);
    expect(error).toMatchObject({ code: "STORAGE" });
    expect(stdout).toBe("");
    expect(failed).toBe("redis:7\nquay.io/a/b\n");
    expect(lines.at(-1)).toBe(`[WARN] what is not done is listed in ${path}`);
  });

  test("lists all where there is no archive without the end", async () => {
    expect((await reported(stopped, { atomic: true })).failed).toBe("redis:7\nnginx\nquay.io/a/b\n");
  });

  test("leaves no list where all was done", async () => {
    const { failed } = await reported(async (onEvent) => {
      const tally = startSummary(onEvent);
      for (const each of [one!, two!, three!]) tally.settle(each, "done");
      throw new Error("late");
    });
    expect(failed).toBeUndefined();
    expect(await readdir(folder.path)).toEqual([]);
  });

  test("says so when its list cannot be written", async () => {
    const { error, lines } = await reported(async (onEvent) => {
      await rm(folder.path, { recursive: true });
      return stopped(onEvent);
    });
    expect(error).toMatchObject({ code: "STORAGE" });
    expect(lines.at(-1)).toBe(
      `[ERRO] what is not done is listed nowhere: Cannot write "${path}": its folder does not exist`,
    );
  });
});
