/** `dray verify`: whether an archive or folder is whole. */
import { defineCommand } from "citty";
import { clean } from "../../bytes/text.ts";
import { type Finding, type Verdict, verify } from "../../operations/verify.ts";
import { action, EXIT } from "../action.ts";
import { globalArgs, readArgs } from "../args.ts";
import type { Examples } from "../help.ts";
import { readingOf, requireFiles } from "../reading.ts";
import { formatTable } from "../table.ts";

const args = {
  "archive...": {
    type: "positional",
    description: "Archive, by its name or that of any part, its parts in several folders, or a folder",
  },
  json: { type: "boolean", description: "Print the report as JSON" },
  ...readArgs,
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["Before the stick is taken out", "dray verify /mnt/stick/bundle.tar.gz"],
  ["Only what is damaged", "dray verify bundle.tar.gz --json | jq '.damaged'"],
];

export default defineCommand({
  meta: { name: "verify", description: "Check every part, digest and image of an archive or folder" },
  args,
  run: action("verify", args, async (flags, session) => {
    requireFiles(flags["archive..."]);
    const verdict = await verify(flags["archive..."], readingOf(flags, session));
    process.stdout.write(flags.json ? `${JSON.stringify(verdict, null, 2)}\n` : text(verdict));
    return verdict.findings.length > 0 ? EXIT.integrity : EXIT.done;
  }),
});

function text({ findings, images, damaged, hasChecksums }: Verdict): string {
  const rows = findings.map(({ images: concerned, ...one }) => [
    whereOf(one),
    concerned.join(", ") || "-",
    clean(one.problem, 500),
  ]);
  const table = rows.length > 0 ? formatTable([["WHERE", "IMAGES", "PROBLEM"], ...rows]) : "";
  const count = `${images} ${images === 1 ? "image" : "images"}`;
  const sums = hasChecksums ? "" : "; there was no list of checksums to compare with";
  const wrong = `${rows.length} ${rows.length === 1 ? "finding" : "findings"}`;
  const result = rows.length === 0 ? `whole: ${count}` : `damaged: ${wrong}, ${damaged.length} of ${count} concerned`;
  return `${table}${result}${sums}\n`;
}

/** The file with the place in it, and what stands there. */
function whereOf({ file, offset, entry, digest }: Omit<Finding, "images">): string {
  const place = file === undefined ? "" : offset === undefined ? file : `${file} at byte ${offset}`;
  return clean([place, entry ?? digest ?? ""].filter(Boolean).join(": ") || "-", 500);
}
