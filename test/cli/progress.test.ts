/** How far a run is. */
import { afterEach, beforeEach, describe, expect, jest, spyOn, test } from "bun:test";
import { formatDuration, startProgress } from "../../src/cli/progress.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import type { Event } from "../../src/events.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { part, randomBytes } from "../support/random-image.ts";
import { recordedSession } from "../support/session.ts";

const NAME = { id: 1, name: "docker.io/library/nginx:1" };
let clock = 0;
beforeEach(() => {
  clock = 0;
  jest.useFakeTimers();
  spyOn(performance, "now").mockImplementation(() => clock);
});
afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

/** What is on the terminal after the last of the events, which come a second apart. */
function shown(events: readonly Event[], width = 200): readonly string[] {
  let last: readonly string[] = [];
  const terminal: Terminal = { isTTY: true, width, line() {}, status: (lines) => (last = lines) };
  const progress = startProgress(terminal, recordedSession().log, 3);
  for (const event of events) {
    clock += 1000;
    progress.take(event);
  }
  const found = last;
  progress.end();
  expect(last).toEqual([]);
  return found;
}

function blob(seed: string, size = 1000): Descriptor {
  return part("a/b", randomBytes(seed, size)).descriptor;
}

describe("on a terminal", () => {
  const [one, two] = [blob("one"), blob("two", 3000)];
  const planned: Event = { type: "planned", image: NAME, blobs: 2, bytes: 4000 };

  test("shows the whole and each blob that moves, and the time that is left", () => {
    const lines = shown([planned, { type: "moving", descriptor: one, bytes: 500 }]);
    expect(lines).toEqual([
      `${"█".repeat(4)}${"░".repeat(26)} 0/3 images, 500 B of 3.91 KiB, 250 B/s, 14s left`,
      `  ${one.digest.slice(0, 19)} ${"█".repeat(12)}${"░".repeat(12)} 500 B of 0.98 KiB`,
    ]);
  });

  test("a blob that is there takes no line, and counts", () => {
    const lines = shown([
      planned,
      { type: "moving", descriptor: one, bytes: 1000 },
      { type: "moved", descriptor: one, how: "copied" },
      { type: "moved", descriptor: two, how: "present" },
      { type: "image", image: NAME, result: "done" },
    ]);
    expect(lines).toEqual([`${"█".repeat(30)} 1/3 images, 3.91 KiB of 3.91 KiB, 200 B/s`]);
  });

  test("what is read again after a failure does not count twice", () => {
    const lines = shown([
      planned,
      { type: "moving", descriptor: one, bytes: 900 },
      { type: "moving", descriptor: one, bytes: 900 },
    ]);
    expect(lines[0]).toContain("0.98 KiB of 3.91 KiB");
  });

  test("what did not arrive is neither counted nor waited for", () => {
    const lines = shown([
      planned,
      { type: "moving", descriptor: two, bytes: 3000 },
      { type: "lost", descriptor: two },
      { type: "moving", descriptor: one, bytes: 600 },
    ]);
    expect(lines[0]).toBe(`${"█".repeat(5)}${"░".repeat(25)} 0/3 images, 600 B of 3.91 KiB, 900 B/s, 1s left`);
  });

  test("shows eight blobs and says how many more there are", () => {
    const many = Array.from({ length: 11 }, (_, at) => blob(`many ${at}`));
    const lines = shown([planned, ...many.map((descriptor): Event => ({ type: "moving", descriptor, bytes: 1 }))]);
    expect(lines.length).toBe(10);
    expect(lines.at(-1)).toBe("  and 3 more");
  });

  test.each<[number, number]>([
    [80, 30],
    [63, 13],
    [50, 0],
  ])("on a terminal of %d columns the bar has %d, and the numbers stay", (width, columns) => {
    const [line] = shown([planned, { type: "moving", descriptor: one, bytes: 500 }], width);
    expect(line?.replace(/[█░]/g, "")).toBe(
      `${columns > 0 ? " " : ""}0/3 images, 500 B of 3.91 KiB, 250 B/s, 14s left`,
    );
    expect(/^[█░]*/.exec(line ?? "")?.[0].length).toBe(columns);
  });

  test("is no wider than the terminal", () => {
    for (const line of shown([planned, { type: "moving", descriptor: one, bytes: 1 }], 30))
      expect(line.length).toBe(29);
  });
});

test("without a terminal a line says how far it is, every 15 seconds until the end", () => {
  const session = recordedSession();
  const progress = startProgress(session.terminal, session.log, 2);
  progress.take({ type: "planned", image: NAME, blobs: 1, bytes: 2048 });
  clock = 15_000;
  jest.advanceTimersByTime(15_000);
  expect(session.lines).toEqual(["[INFO] 0/2 images, 0 B of 2.00 KiB, 0 B/s"]);
  progress.end();
  jest.advanceTimersByTime(60_000);
  expect(session.lines.length).toBe(1);
});

test.each([
  [0, "0s"],
  [11.2, "12s"],
  [59.5, "1m00s"],
  [200, "3m20s"],
  [3720, "1h02m"],
])("%p seconds are %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test("where bytes are checked, and no images are counted, it says so", () => {
  const session = recordedSession();
  const progress = startProgress(session.terminal, session.log);
  progress.take({ type: "checked", bytes: 0, total: 4096 });
  progress.take({ type: "checked", bytes: 3072, total: 8192 });
  clock = 15_000;
  jest.advanceTimersByTime(15_000);
  expect(session.lines).toEqual(["[INFO] checked 3.00 KiB of 8.00 KiB, 205 B/s, 25s left"]);
  progress.end();
});
