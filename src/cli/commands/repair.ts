/** `dray repair`: makes a damaged archive whole again. */
import { defineCommand } from "citty";
import { parseName, underPrefix } from "../../oci/reference.ts";
import { type Repaired, repair } from "../../operations/repair.ts";
import type { Mended } from "../../operations/verification/mend-entries.ts";
import type { Source } from "../../store/store.ts";
import { openAccess } from "../access.ts";
import { action, EXIT } from "../action.ts";
import { globalArgs, readArgs, registryArgs, sourceArgs } from "../args.ts";
import { sourceRegistry } from "../environment.ts";
import type { Examples } from "../help.ts";
import type { Log } from "../log.ts";
import { startProgress } from "../progress.ts";
import { readingOf, requireFiles } from "../reading.ts";
import { openRegistries } from "../registries.ts";
import { warnOfWaits } from "../waits.ts";

const args = {
  "archive...": {
    type: "positional",
    description: "Archive, by its name or that of any part, or its parts in several folders",
  },
  source: {
    type: "string",
    alias: "s",
    valueHint: "REGISTRY",
    description: "Registry to fetch from, instead of those that the images are named after",
  },
  "spool-dir": {
    ...readArgs["spool-dir"],
    description: "Folder for what must be unpacked or is made again; default: the system's",
  },
  ...registryArgs,
  ...sourceArgs,
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["Fetch again what is damaged", "dray repair bundle.tar.gz"],
  ["From a mirror", "dray repair /mnt/stick/bundle.tar.gz.part0 -s mirror.example:5000"],
];

export default defineCommand({
  meta: { name: "repair", description: "Fetch what is damaged in an archive again, and write it in its place" },
  args,
  run: action("repair", args, async (flags, session) => {
    const { log, signal } = session;
    requireFiles(flags["archive..."]);
    const prefix = sourceRegistry(flags.source);
    const access = await openAccess(flags, { source: { prefix }, isInputTaken: false, log, signal });
    await using registries = openRegistries(access, log, warnOfWaits(log.warn));
    const from = (name: string): Source => {
      const { registry, repository } = parseName(name);
      if (!prefix) return registries.source(registry).repository(repository);
      return registries.source(prefix.registry).repository(underPrefix(prefix, repository));
    };
    const progress = startProgress(session.terminal, log);
    let repaired: Repaired;
    try {
      const onMended = (one: Mended): void => tell(one, log);
      const options = {
        ...readingOf(flags, session),
        from,
        onMended,
        onEvent: progress.take,
        onExamined: progress.end,
      };
      repaired = await repair(flags["archive..."], options);
    } finally {
      progress.end();
    }
    process.stdout.write(result(repaired));
    return repaired.isWhole ? EXIT.done : EXIT.integrity;
  }),
});

function tell({ entry, result, reason }: Mended, { info, error }: Log): void {
  if (result === "left") error(`LEFT [${entry}] ${reason}`);
  else info(`MENDED [${entry}]`);
}

function result({ mended, copyAgain, isWhole }: Repaired): string {
  const done = mended.filter(({ result }) => result === "mended").length;
  const count = done > 0 ? `; ${done} ${done === 1 ? "entry" : "entries"} mended` : "";
  return isWhole ? `whole${count}\n` : `damaged${count}; copy again: ${copyAgain.join(", ") || "all of it"}\n`;
}
