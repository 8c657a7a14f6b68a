/** Lines, and a status below them. */
import { expect, test } from "bun:test";
import { clean } from "../../src/bytes/text.ts";
import { createTerminal } from "../../src/cli/terminal.ts";

function screen(isTTY: boolean) {
  let text = "";
  const terminal = createTerminal({
    isTTY,
    columns: 40,
    write(more: string) {
      text += more;
    },
  });
  return {
    terminal,
    text: () => text,
  };
}

test("without a terminal there are lines and no status", () => {
  const { terminal, text } = screen(false);
  terminal.status(["status"]);
  terminal.line("one");
  terminal.status([]);
  expect(text()).toBe("one\n");
  expect(terminal.width).toBe(40);
});

test("lines go above the status, which is drawn again", () => {
  const { terminal, text } = screen(true);
  terminal.status(["s1", "s2"]);
  terminal.line("one");
  expect(text()).toBe("s1\ns2\n\r\u001b[2A\u001b[Jone\ns1\ns2\n");
});

test("the status is replaced, and taken away", () => {
  const { terminal, text } = screen(true);
  terminal.status(["s1", "s2"]);
  terminal.status(["s3"]);
  terminal.status([]);
  expect(text()).toBe("s1\ns2\n\r\u001b[2A\u001b[Js3\n\r\u001b[1A\u001b[J");
});

test.each([
  ["a\nb\r\nc", "a b c"],
  ["\u001b[31mred\u001b[0m", "red"],
  ["\u001b]0;title\u0007text", "text"],
  ["\u009b31mred", "red"],
  ["file\u202egnp.exe", "file gnp.exe"],
  ["zero\u200bwidth", "zero width"],
  ["  spaces  ", "spaces"],
  ["ünïcödé 漢字", "ünïcödé 漢字"],
])("%p is shown as %p", (text, safe) => {
  expect(clean(text, 100)).toBe(safe);
});

test("a text that never ends is cut", () => {
  expect(clean("x".repeat(1_000_000), 20)).toBe(`${"x".repeat(17)}...`);
  expect(clean("x".repeat(20), 20)).toBe("x".repeat(20));
});

test("a terminal that does not know its size is taken for a common one", () => {
  for (const columns of [0, undefined])
    expect(createTerminal({ isTTY: true, ...(columns === 0 && { columns }), write() {} }).width).toBe(80);
});
