/** `dray ls`: what is in an archive or folder. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { defineCommand } from "citty";
import { parsePartPath } from "../../archive/parts.ts";
import { jsonText } from "../../bytes/json-text.ts";
import { formatSize } from "../../bytes/size.ts";
import { clean } from "../../bytes/text.ts";
import { shortDigest } from "../../oci/digest.ts";
import { type HeldPlatform, inventory, type Listing } from "../../operations/inventory.ts";
import { openStore } from "../../operations/open.ts";
import { action, EXIT } from "../action.ts";
import { globalArgs, readArgs } from "../args.ts";
import type { Examples } from "../help.ts";
import { readingOf, requireFiles } from "../reading.ts";
import { writeResult } from "../result.ts";
import { formatTable } from "../table.ts";

const args = {
  "archive...": { type: "positional", description: "Archives, by their names or those of their parts, or folders" },
  json: { type: "boolean", description: "Print a JSON array, sizes in bytes" },
  ...readArgs,
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["What an archive holds", "dray ls bundle.tar.gz"],
  ["The names alone", "dray ls bundle.tar.gz --json | jq -r '.[].name'"],
];

/** Platforms of one image that the table names. */
const MOST_SHOWN = 30;

/** An image, and what it was found in. */
type Row = Listing & { readonly archive: string };

export default defineCommand({
  meta: { name: "ls", description: "Say which images an archive or folder holds" },
  args,
  run: action("ls", args, async (flags, session) => {
    const { log, signal } = session;
    requireFiles(flags["archive..."]);
    const rows: Row[] = [];
    for (const paths of archivesIn(flags["archive..."])) {
      await using store = await openStore(paths, readingOf(flags, session));
      for await (const listing of inventory(store, { signal })) rows.push({ archive: paths[0]!, ...listing });
    }
    for (const { name, error } of rows) if (error) log.error(`${clean(name, 300)}: ${error.message}`);
    await writeResult(flags.json ? json(rows) : [table(rows)], { signal });
    const errors = rows.flatMap(({ error }) => error ?? []);
    if (errors.some(({ code }) => code === "INTEGRITY")) return EXIT.integrity;
    return errors.length > 0 ? EXIT.partial : EXIT.done;
  }),
});

/** What is named several times by its parts is one archive, also where one of the names is that of the whole. */
function archivesIn(paths: readonly string[]): readonly (readonly string[])[] {
  const inParts = new Set(paths.flatMap((path) => nameInPart(path) ?? []));
  const found = new Map<string, string[]>();
  for (const path of paths) {
    const name = nameInPart(path) ?? basename(path);
    const isOfParts = inParts.has(name) && (nameInPart(path) !== undefined || !existsSync(path));
    const key = isOfParts ? `parts of ${name}` : path;
    found.set(key, [...(found.get(key) ?? []), path]);
  }
  return [...found.values()];
}

/** What a part says that its archive is called. */
function nameInPart(path: string): string | undefined {
  const part = parsePartPath(path);
  return part && basename(part.archive);
}

function* json(rows: readonly Row[]): Generator<string> {
  yield* jsonText(rows.values().map(toJson));
  yield "\n";
}

function toJson({ error, ...row }: Row): unknown {
  return { ...row, ...(error ? { error: error.message } : {}) };
}

/** As many as a line has room for: all lines are as long as the longest. */
function platformsOf(platforms: readonly HeldPlatform[]): string {
  const shown = platforms.slice(0, MOST_SHOWN).map(({ platform }) => platform);
  const more = platforms.length - shown.length;
  return clean([...shown, ...(more > 0 ? [`and ${more} more`] : [])].join(","), 500);
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ name, platforms, size, adds, digest, referrers, error }) => [
    clean(name, 300),
    error ? "cannot be read" : platformsOf(platforms) || "-",
    error ? "-" : formatSize(size),
    error ? "-" : formatSize(adds),
    referrers > 0 ? String(referrers) : "-",
    shortDigest(digest),
  ]);
  const sum = rows.reduce((total, { adds }) => total + adds, 0);
  const heading = ["NAME", "PLATFORMS", "SIZE", "ADDS", "ATTACHED", "DIGEST"];
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  const count = `${rows.length} ${rows.length === 1 ? "image" : "images"}, ${formatSize(sum)}\n`;
  return `${formatTable([heading, ...lines], width)}${count}`;
}
