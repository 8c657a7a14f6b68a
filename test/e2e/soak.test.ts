/** Saves and loads on bad days: a fifth of all requests is cut, stalled or refused, by a fixed seed. `npm run soak` does more. */
import { beforeAll, expect, test } from "bun:test";
import { type SoakRun, soak } from "../support/soak.ts";

const COUNT = 20;
const runs: SoakRun[] = [];

beforeAll(() => soak({ seed: 1, count: COUNT, onRun: (run) => runs.push(run) }), 120_000);

test("faults came, and no run left a wrong byte", () => {
  expect(runs.length).toBe(2 * COUNT);
  const [requests, faults] = [sum(runs.map((run) => run.requests)), sum(runs.map((run) => run.faults))];
  expect(faults / requests).toBeGreaterThan(0.15);
});

test("a run whose faults stay below the retry budget completes", () => {
  const within = runs.filter(({ isWithinBudget }) => isWithinBudget);
  expect(within.length).toBeGreaterThan(COUNT);
  expect(within.flatMap(({ failed }) => failed)).toEqual([]);
});

test("over all runs, 99 of 100 images arrive, and the rest is named", () => {
  const wanted = sum(runs.map(({ images }) => images));
  expect(sum(runs.map(({ arrived }) => arrived))).toBeGreaterThanOrEqual(0.99 * wanted);
  for (const { images, arrived, failed } of runs) expect(arrived + failed.length).toBe(images);
});

test("where more than half of all goes wrong, wrong bytes too, images are lost by name, and none is spoilt", async () => {
  const bad: SoakRun[] = [];
  await soak({ seed: 1, count: 4, weather: { share: 0.6, corrupt: true }, onRun: (run) => bad.push(run) });
  const lost = bad.flatMap(({ failed }) => failed);
  expect(lost.length).toBeGreaterThan(0);
  for (const name of lost) expect(name).toMatch(/^[^ ]+(?::v1|@sha256:[0-9a-f]{64}): Cannot /);
}, 60_000);

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
