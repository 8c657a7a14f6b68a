/** Rows of text as columns. */

/** Columns that the first one keeps where it gives way. */
const LEAST = 12;

/** A line for each row, the first one the heading. The first column gives way where the lines are longer than `width`. */
export function formatTable(rows: readonly (readonly string[])[], width = Number.POSITIVE_INFINITY): string {
  const [heading = []] = rows;
  const widths = heading.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const rest = widths.slice(1).reduce((sum, one) => sum + one + 2, 0);
  const first = Math.min(widths[0] ?? 0, Math.max(LEAST, width - rest));
  return rows
    .map((row) => {
      const cells = row.map((cell, column) => (column === 0 ? shorten(cell, first) : cell));
      const line = cells.map((cell, column) => cell.padEnd(column === 0 ? first : widths[column]!)).join("  ");
      return `${line.trimEnd()}\n`;
    })
    .join("");
}

/** The end of a name tells more than its middle. */
function shorten(text: string, width: number): string {
  if (text.length <= width) return text;
  const end = Math.ceil((width - 3) / 2);
  return `${text.slice(0, width - 3 - end)}...${text.slice(text.length - end)}`;
}
