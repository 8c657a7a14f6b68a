/** What somebody meant who wrote a name that there is not. */

/** The name that is like it, in any case of letters: one edit away, or two where the first letter is right. */
export function closest(spelt: string, names: readonly string[]): string | undefined {
  if (spelt.length < 3) return undefined;
  const word = spelt.toLowerCase();
  const lengthApart = (name: string): number => Math.abs(name.length - word.length);
  const [best] = names
    .map((name) => ({ name, distance: distanceOf(word, name) }))
    .sort((a, b) => a.distance - b.distance || lengthApart(a.name) - lengthApart(b.name));
  return best && best.distance <= (best.name[0] === word[0] ? 2 : 1) ? best.name : undefined;
}

/** Edits between two words: a letter more, less or another, or two neighbours that changed places. */
function distanceOf(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = isSwapped ? before[j - 2]! + 1 : replaced;
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, replaced, swapped));
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}
