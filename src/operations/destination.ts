/** What images are called where they go. */
import { AppError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Call } from "../store/store.ts";
import type { Wanted } from "./plan.ts";

/**
 * Leaves out what is wanted twice, and refuses what cannot be had: two different images under one name. Where names collide,
 * both sides are looked up and compared by digest; nothing else is. One that is missing or cannot be read goes on as such,
 * to fail by itself. Throws USAGE.
 */
export async function settleCollisions(wanted: readonly Wanted[], options: Call = {}): Promise<readonly Wanted[]> {
  const byName = new Map<string, number>();
  const distinct: Wanted[] = [];
  for (const one of wanted) {
    const key = `${one.to.place.space} ${one.to.place.path}:${one.tag ?? one.reference}`;
    const at = byName.get(key);
    if (at === undefined) {
      byName.set(key, distinct.push(one) - 1);
      continue;
    }
    const first = distinct[at]!;
    if (isSameSource(first, one)) continue;
    const [firstRoot, ownRoot] = await Promise.all([lookUp(first, options), lookUp(one, options)]);
    if (!ownRoot.found) distinct.push(remembering(one, ownRoot));
    else if (!firstRoot.found) {
      distinct[at] = remembering(first, firstRoot);
      byName.set(key, distinct.push(one) - 1);
    } else if (firstRoot.found.digest !== ownRoot.found.digest) throw collision(first, one);
  }
  return distinct;
}

/** What a look-up came to: nothing is found where the image is missing, or could not be read. */
interface LookedUp {
  readonly found?: Descriptor | undefined;
  readonly error?: unknown;
}

async function lookUp({ from, reference }: Wanted, options: Call): Promise<LookedUp> {
  try {
    return { found: await from.resolve(reference, options) };
  } catch (error) {
    options.signal?.throwIfAborted();
    return { error };
  }
}

/** An image that stays as missing as it was found: were it there a moment later, it would take the name of the other one. */
function remembering(wanted: Wanted, { error }: LookedUp): Wanted {
  async function resolve(): Promise<undefined> {
    if (error !== undefined) throw error;
  }
  return { ...wanted, from: { ...wanted.from, resolve } };
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
