/** Lists from files and pipes. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { readList } from "../../src/cli/input.ts";
import { openWorkplace, type Workplace } from "../support/dray.ts";
import { errorOf } from "../support/thrown.ts";

let work: Workplace;
beforeEach(async () => {
  work = await openWorkplace();
});
afterEach(() => work[Symbol.asyncDispose]());

test("a file is read whole, and messages call it as the user did", async () => {
  const path = await work.list("images.txt", ["nginx", "redis"]);
  expect(await readList(path, {})).toEqual({ text: "nginx\nredis\n", source: path, path });
});

test("a folder is no list", async () => {
  expect(await errorOf(() => readList(work.path, {}))).toStartWith(`USAGE: Cannot read list "${work.path}": `);
});

test("an interruption is not the list's fault", async () => {
  const path = await work.list("images.txt", ["nginx"]);
  await expect(readList(path, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
});

test.each([[["save"]], [["save", "-f", "-"]]])("%p reads what is piped in, to its end", async (args) => {
  const { code, stderr } = await work.dray(args, { input: "\uFEFF# a list\r\nNginx\r\nRedis" });
  expect(code).toBe(3);
  expect(stderr).toContain("(standard input, line 2)");
  expect(stderr).toContain("(standard input, line 3)");
});
