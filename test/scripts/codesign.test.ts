/** Signatures of a small Mach-O file: what verification finds, and that signing anew repairs it. */
import { expect, test } from "bun:test";
import { signed, verifyCodeSignature } from "../../scripts/codesign.ts";

const PAGE = 4096;
const SIGNATURE_AT = 5 * PAGE + 160;

/** A file of two segments with room for a signature, which is garbage. */
function machO(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SIGNATURE_AT + 64).map((_, index) => (index * 31) % 251);
  const view = new DataView(bytes.buffer);
  const segments = [
    { name: "__TEXT", address: 1 << 20, memory: 4 * PAGE, offset: 0, size: 4 * PAGE },
    { name: "__LINKEDIT", address: (1 << 20) + 4 * PAGE, memory: 4 * PAGE, offset: 4 * PAGE, size: PAGE + 160 + 64 },
  ];
  for (const [index, value] of [0xfeedfacf, 0x1000007, 3, 2, 3, 2 * 72 + 16, 0, 0].entries())
    view.setUint32(index * 4, value, true);
  for (const [index, segment] of segments.entries()) {
    const at = 32 + index * 72;
    bytes.fill(0, at, at + 72);
    view.setUint32(at, 0x19, true);
    view.setUint32(at + 4, 72, true);
    bytes.set(new TextEncoder().encode(segment.name), at + 8);
    for (const [field, value] of [segment.address, segment.memory, segment.offset, segment.size].entries())
      view.setBigUint64(at + 24 + field * 8, BigInt(value), true);
  }
  for (const [index, value] of [0x1d, 16, SIGNATURE_AT, 64].entries()) view.setUint32(176 + index * 4, value, true);
  return bytes;
}

test("a file without a right signature gets one that covers every page", () => {
  const file = machO();
  expect(() => verifyCodeSignature(file)).toThrow("it does not begin as one");
  const result = signed(file, "dray");
  expect(verifyCodeSignature(result)).toEqual({ identifier: "dray", adHoc: true, pages: 6, problems: [] });
  expect(result.subarray(PAGE, SIGNATURE_AT)).toEqual(file.subarray(PAGE, SIGNATURE_AT));
});

test("signing again changes nothing", () => {
  const once = signed(machO(), "dray");
  expect(signed(once, "dray")).toEqual(once);
});

test("a page that changed is found, and signing repairs it", () => {
  const file = signed(machO(), "dray");
  for (const at of [300, 4 * PAGE, SIGNATURE_AT - 1]) {
    const changed = file.slice();
    changed[at] = changed[at]! ^ 1;
    const page = Math.floor(at / PAGE);
    expect(verifyCodeSignature(changed).problems).toEqual([`1 of 6 pages have a wrong hash, the first is ${page}`]);
    expect(verifyCodeSignature(signed(changed, "dray")).problems).toEqual([]);
  }
});

/** Writes into a signed file and lets the page of the load commands be right again, so that only the layout is wrong. */
function withField(at: number, value: bigint): string[] {
  const file = signed(machO(), "dray");
  new DataView(file.buffer).setBigUint64(at, value, true);
  return verifyCodeSignature(file).problems.filter((problem) => !problem.includes("wrong hash"));
}

test("a layout that does not hold together is found", () => {
  const linkedit = 32 + 72;
  expect(withField(linkedit + 48, BigInt(PAGE))).toEqual(["__LINKEDIT does not end with the file"]);
  expect(withField(linkedit + 32, 5n)).toEqual([
    "__LINKEDIT is larger in the file than in memory",
    "__LINKEDIT does not end at a page",
  ]);
  expect(withField(32 + 32, BigInt(5 * PAGE))).toEqual(["__TEXT reaches into __LINKEDIT in memory"]);
  expect(withField(32 + 48, BigInt(4 * PAGE + 1))).toEqual([
    "__TEXT is larger in the file than in memory",
    "__TEXT reaches into __LINKEDIT in the file",
  ]);
  const file = signed(machO(), "dray");
  const longer = new Uint8Array(file.length + 16);
  longer.set(file);
  expect(verifyCodeSignature(longer).problems[0]).toStartWith("the signature ends at");
});

test("hashes that end before the signature are found, and signing covers the rest", () => {
  const file = signed(machO(), "dray");
  new DataView(file.buffer, SIGNATURE_AT + 20).setUint32(32, PAGE);
  const problem = `6 hashes cover ${PAGE} bytes of ${SIGNATURE_AT}`;
  expect(verifyCodeSignature(file).problems).toEqual([problem]);
  expect(verifyCodeSignature(signed(file, "dray")).problems).toEqual([]);
});

test("a signature that is cut off cannot be read", () => {
  const file = signed(machO(), "dray");
  new DataView(file.buffer, SIGNATURE_AT).setUint32(16, 1 << 20);
  expect(() => verifyCodeSignature(file)).toThrow(RangeError);
  expect(() => verifyCodeSignature(new Uint8Array(64))).toThrow("not a 64 bit Mach-O file");
});
