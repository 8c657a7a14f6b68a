/** What images are called where they go. */
import { AppError } from "../errors.ts";
import type { Call } from "../store/store.ts";
import type { Wanted } from "./plan.ts";

/**
 * Leaves out what is wanted twice, and refuses what cannot be had: two different images under one name. Where names collide,
 * both sides are looked up and compared by digest; nothing else is. Throws USAGE.
 */
export async function settleCollisions(wanted: readonly Wanted[], options: Call = {}): Promise<readonly Wanted[]> {
  const byName = new Map<string, Wanted>();
  const distinct: Wanted[] = [];
  for (const one of wanted) {
    const key = `${one.to.place.space} ${one.to.place.path}:${one.tag ?? one.reference}`;
    const first = byName.get(key);
    if (first === undefined) byName.set(key, one);
    else if (await isSameImage(first, one, options)) continue;
    else throw collision(first, one);
    distinct.push(one);
  }
  return distinct;
}

async function isSameImage(first: Wanted, second: Wanted, options: Call): Promise<boolean> {
  const { from, reference } = second;
  if (isSameSource(first, second)) return true;
  const roots = await Promise.all([first.from.resolve(first.reference, options), from.resolve(reference, options)]);
  return roots[0] !== undefined && roots[0].digest === roots[1]?.digest;
}

function isSameSource(a: Wanted, b: Wanted): boolean {
  return (
    a.from.place.space === b.from.place.space && a.from.place.path === b.from.place.path && a.reference === b.reference
  );
}

function collision(first: Wanted, second: Wanted): AppError {
  const target = `${second.to.place.path}:${second.tag ?? second.reference}`;
  return new AppError(
    "USAGE",
    `Cannot put "${second.name.name}" at "${target}": "${first.name.name}" goes there too, and is another image`,
    { hint: "load or mirror them in two runs, below different prefixes" },
  );
}
