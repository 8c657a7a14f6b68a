/** Lists from files and pipes. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { truncate, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { readList } from "../../src/cli/input.ts";
import { splitLines } from "../../src/lists/lines.ts";
import { commandOf, openWorkplace, type Workplace } from "../support/dray.ts";
import { run } from "../support/run.ts";
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

const LINES = "# Bilder für die Küche\r\nnginx\r\n";

test.each([
  ["UTF-8", new TextEncoder().encode(LINES)],
  ["UTF-8 with a byte order mark", new TextEncoder().encode(`\uFEFF${LINES}`)],
  ["UTF-16, as PowerShell writes it", Buffer.from(`\uFEFF${LINES}`, "utf16le")],
  ["UTF-16, the other way round", Buffer.from(`\uFEFF${LINES}`, "utf16le").swap16()],
  ["an older encoding, where that shows in comments only", Buffer.from(LINES, "latin1")],
])("is understood: %s", async (_, bytes) => {
  const path = work.file("images.txt");
  await writeFile(path, bytes);
  expect(splitLines((await readList(path, {})).text).map(({ text }) => text)).toEqual(["nginx"]);
});

test("characters of more than one byte may lie across the chunks that are read", async () => {
  const path = work.file("images.txt");
  const text = `#${"ü€😀".repeat(100_000)}\nnginx\n`;
  for (const one of [text, ` ${text}`, `  ${text}`, `   ${text}`]) {
    await writeFile(path, one);
    expect((await readList(path, {})).text).toBe(one);
  }
});

test.each([
  ["a compressed list", gzipSync("nginx\nredis\n")],
  ["bytes of any kind", Buffer.from(Array.from({ length: 300 }, (_, at) => (at * 167 + 200) % 256))],
  ["UTF-16 without a byte order mark", Buffer.from("nginx\n", "utf16le")],
  ["zeros at its end", Buffer.from("nginx\n\0")],
  ["a line of an older encoding", Buffer.from("nginx\nbücher\n", "latin1")],
])("is no list: %s", async (_, bytes) => {
  const path = work.file("images.txt");
  await writeFile(path, bytes);
  expect(await errorOf(() => readList(path, {}))).toBe(`USAGE: Cannot read list "${path}": it is no text`);
  const piped = await run("sh", ["-c", `cd '${work.path}' && exec "$@" <'${path}'`, "sh", ...commandOf("bun"), "save"]);
  expect(piped).toMatchObject({ code: 2, stderr: expect.stringContaining("Cannot read the list: it is no text") });
});

test("what is far too long to be a list is not read whole", async () => {
  const path = work.file("images.txt");
  await writeFile(path, "nginx\n");
  await truncate(path, 2 ** 40);
  expect(await errorOf(() => readList(path, {}))).toBe(`USAGE: Cannot read list "${path}": it is no text`);
  await writeFile(path, Buffer.alloc((64 << 20) + 1, "nginx\n"));
  expect(await errorOf(() => readList(path, {}))).toBe(
    `USAGE: Cannot read list "${path}": it has more than ${64 << 20} bytes`,
  );
});
