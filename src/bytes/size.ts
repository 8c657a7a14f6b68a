/** Byte counts as people write them. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `1.5 GiB`: three digits at most, binary units. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** `50M`, `1.5 MiB`, `500k`, `4096` as bytes: binary units, but `KB`, `MB`, `GB` and `TB`, which are decimal. undefined: none of these. */
export function parseSize(text: string): number | undefined {
  const [, count, prefix = "", kind = ""] =
    /^(\d{1,15}(?:\.\d{1,9})?)\s*(?:([kmgt])(i?b)?|b)?$/i.exec(text.trim()) ?? [];
  if (count === undefined) return undefined;
  const power = " kmgt".indexOf(prefix.toLowerCase() || " ");
  const bytes = Math.round(Number(count) * (kind.toLowerCase() === "b" ? 1000 : 1024) ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
