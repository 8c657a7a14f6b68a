/** JSON from outside, weighed before it is parsed: a small text can stand for a hundred times its size in memory. RFC 8259. */

/** Bytes of memory that a document may take, unless it names many things. */
const LIMIT: number = 16 << 20;

/** Deeper than any document of the specs. */
const DEEPEST = 100;

/** About what JavaScriptCore and V8 take for each, in bytes: the text is no part of it. */
const OBJECT = 80;
const STRING = 48;
const VALUE = 8;

/** The value that `text` stands for. Throws an Error that says why in a few words: it is no JSON, or would take more than `limit` bytes. */
export function parseJson(text: string, limit: number = LIMIT): unknown {
  if (weigh(text) > limit) throw new Error("it holds more than can be read");
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error("it is not JSON", { cause });
  }
}

/** Bytes of memory for what a text stands for; infinite for what is nested too deep. */
function weigh(text: string): number {
  let weight = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at);
      weight += STRING;
    } else if (code === 0x2c) weight += VALUE;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > DEEPEST) return Number.POSITIVE_INFINITY;
      weight += OBJECT;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return weight;
}

/** Where the quote stands that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (; at < text.length && text.charCodeAt(at) !== 0x22; at++) if (text.charCodeAt(at) === 0x5c) at++;
  return at;
}
