/** `dray verify`: whether an archive or folder is whole. */
import { defineCommand } from "citty";
import { jsonText } from "../../bytes/json-text.ts";
import { clean } from "../../bytes/text.ts";
import type { Finding } from "../../operations/verification/findings.ts";
import { type Verdict, verify } from "../../operations/verify.ts";
import { action, EXIT } from "../action.ts";
import { globalArgs, readArgs } from "../args.ts";
import type { Examples } from "../help.ts";
import { startProgress } from "../progress.ts";
import { readingOf, requireFiles } from "../reading.ts";
import { writeResult } from "../result.ts";
import { formatTable } from "../table.ts";

/** Characters of the images of one finding. */
const LONGEST = 5000;

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
    const progress = startProgress(session.terminal, session.log);
    let verdict: Verdict;
    try {
      verdict = await verify(flags["archive..."], { ...readingOf(flags, session), onEvent: progress.take });
    } finally {
      progress.end();
    }
    await writeResult(flags.json ? json(verdict) : text(verdict), session);
    return verdict.findings.length > 0 ? EXIT.integrity : EXIT.done;
  }),
});

function* json(verdict: Verdict): Generator<string> {
  yield* jsonText(verdict);
  yield "\n";
}

function* text({ findings, images, damaged, hasChecksums }: Verdict): Generator<string> {
  const rows = findings.map((one) => [whereOf(one), clean(one.problem, 500), imagesOf(one)]);
  if (rows.length > 0) yield formatTable([["WHERE", "PROBLEM", "IMAGES"], ...rows]);
  const count = `${images} ${images === 1 ? "image" : "images"}`;
  const sums = hasChecksums ? "" : "; there was no list of checksums to compare with";
  const all = findings.reduce((sum, one) => sum + (one.count ?? 1), 0);
  const wrong = `${all} ${all === 1 ? "finding" : "findings"}`;
  const result = all === 0 ? `whole: ${count}` : `damaged: ${wrong}, ${damaged.length} of ${count} concerned`;
  yield `${result}${sums}\n`;
}

/** As many names as a line may have, and how many more there are. */
function imagesOf({ images, moreImages = 0 }: Finding): string {
  const shown: string[] = [];
  let length = 0;
  for (const name of images) {
    length += name.length + 2;
    if (length >= LONGEST) break;
    shown.push(name);
  }
  const more = images.length - shown.length + moreImages;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join(", ") || "-";
}

/** The file with the place in it, and what stands there. */
function whereOf({ file, offset, entry, digest }: Finding): string {
  const place = file === undefined ? "" : offset === undefined ? file : `${file} at byte ${offset}`;
  return clean([place, entry ?? digest ?? ""].filter(Boolean).join(": ") || "-", 500);
}
