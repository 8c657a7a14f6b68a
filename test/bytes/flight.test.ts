/** Work that is shared. */
import { expect, test } from "bun:test";
import { createFlights } from "../../src/bytes/flight.ts";

test("those who wait get one result, later ones a new one", async () => {
  const share = createFlights<number>();
  let made = 0;
  const make = async (): Promise<number> => {
    await Bun.sleep(1);
    return ++made;
  };
  expect(await Promise.all([share("a", undefined, make), share("a", undefined, make)])).toEqual([1, 1]);
  expect(await share("a", undefined, make)).toBe(2);
  expect(await Promise.all([share("a", undefined, make), share("b", undefined, make)])).toEqual([3, 4]);
});

test("a failure is shared and forgotten", async () => {
  const share = createFlights<number>();
  const fail = async (): Promise<number> => {
    await Bun.sleep(1);
    throw new Error("no");
  };
  const both = await Promise.allSettled([share("a", undefined, fail), share("a", undefined, fail)]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await share("a", undefined, async () => 1)).toBe(1);
});

test("who gives up waits no longer for the work of another", async () => {
  const share = createFlights<string>();
  const { promise, resolve } = Promise.withResolvers<string>();
  const abort = new AbortController();
  const first = share("a", undefined, () => promise);
  const second = share("a", abort.signal, async () => "second");
  abort.abort(new Error("enough"));
  await expect(second).rejects.toThrow("enough");
  resolve("first");
  expect(await first).toBe("first");
});

test("when the first gives up, another goes on", async () => {
  const share = createFlights<string>();
  const abort = new AbortController();
  const first = share("a", abort.signal, async () => {
    await Bun.sleep(1);
    throw abort.signal.reason;
  });
  const second = share("a", undefined, async () => "second");
  abort.abort(new Error("enough"));
  await expect(first).rejects.toThrow("enough");
  expect(await second).toBe("second");
});
