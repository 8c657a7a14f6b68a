/** Long JSON in pieces, of which no more is held than an item. */

/**
 * What `JSON.stringify(value, null, 2)` says. An iterable is an array, at the top or in a field of it, whose items are asked for
 * one by one.
 */
export function* jsonText(value: unknown): Generator<string> {
  if (typeof value !== "object" || value === null || isIterable(value)) return yield* pieces(value, "");
  let before = "{";
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined) continue;
    yield `${before}\n  ${JSON.stringify(name)}: `;
    yield* pieces(field, "  ");
    before = ",";
  }
  yield before === "{" ? "{}" : "\n}";
}

function* pieces(value: unknown, indent: string): Generator<string> {
  if (!isIterable(value)) return yield indented(value, indent);
  let before = "[";
  for (const item of value) {
    yield `${before}\n${indent}  ${indented(item, `${indent}  `)}`;
    before = ",";
  }
  yield before === "[" ? "[]" : `\n${indent}]`;
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

function indented(value: unknown, indent: string): string {
  return JSON.stringify(value, null, 2).replaceAll("\n", `\n${indent}`);
}
