/** `dray load`: images from an archive or a folder into a registry. */
import { defineCommand } from "citty";
import type { Bytes } from "../../bytes/stream.ts";
import { AppError } from "../../errors.ts";
import { openLoadable } from "../../operations/loadable.ts";
import { formatOf } from "../../operations/open.ts";
import { type Loadable, openPipe } from "../../operations/pipe.ts";
import { below, wantedIn } from "../../operations/stored.ts";
import { openAccess } from "../access.ts";
import { action } from "../action.ts";
import {
  chooseArgs,
  destinationArgs,
  FORMAT_IGNORED,
  failedArgs,
  globalArgs,
  jobsArgs,
  readArgs,
  referrerArgs,
  registryArgs,
  storedPlatformArgs,
  targetArgs,
} from "../args.ts";
import { chooseImages } from "../choose.ts";
import { destinationRegistry } from "../environment.ts";
import { failedPath } from "../failed-path.ts";
import type { Flags } from "../flags.ts";
import type { Examples } from "../help.ts";
import { parseJobs } from "../jobs.ts";
import type { Log } from "../log.ts";
import { readingOf } from "../reading.ts";
import { openRegistries } from "../registries.ts";
import { report } from "../report.ts";
import { selectionOf } from "../selection.ts";
import type { Session } from "../session.ts";

const args = {
  source: {
    type: "string",
    alias: "s",
    multiple: true,
    valueHint: "PATH",
    description:
      "Archive or folder to load, any part of an archive, or - for standard input; repeated: its parts elsewhere",
  },
  destination: {
    type: "string",
    alias: "d",
    valueHint: "REGISTRY[/PREFIX]",
    description: "Registry to load into, and a path that every name goes below",
  },
  file: { type: "string", alias: "f", valueHint: "FILE", description: "List of images: load only these, one a line" },
  ...chooseArgs,
  "keep-going": {
    type: "boolean",
    description: "Load the images that are whole out of a damaged archive, instead of stopping at the first damage",
  },
  "spool-dir": {
    ...readArgs["spool-dir"],
    description: "Folder for what must be unpacked, or waits between a pipe and the registry; default: the system's",
  },
  ...storedPlatformArgs,
  ...referrerArgs,
  ...jobsArgs,
  ...failedArgs("load"),
  compress: { ...targetArgs.compress, description: FORMAT_IGNORED },
  ...registryArgs,
  ...destinationArgs,
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["Load an archive", "dray load -s bundle.tar.gz -d registry.internal:5000"],
  ["Below a project", "dray load -s bundle.tar.gz -d harbor.internal/mirror"],
  ["From an unpacked folder", "dray load -s saved-image-cache -d localhost:5000"],
  ["From two drives", "dray load -s /mnt/a/bundle.tar.gz.part0 -s /mnt/b/bundle.tar.gz.part1 -d localhost:5000"],
  ["Some of it, out of a pipe", "ssh depot cat bundle.tar.gz | dray load -s - -d localhost:5000 --only 'rancher/*'"],
];

export default defineCommand({
  meta: { name: "load", description: "Load images from an archive into a registry" },
  args,
  run: action("load", args, async (flags, session) => {
    const { signal, log } = session;
    const jobs = parseJobs(flags.jobs, log.warn);
    const selection = selectionOf(flags, log.warn);
    const prefix = destinationRegistry(flags.destination);
    const isPipe = flags.source.includes("-");
    checkFlags(flags, isPipe);
    if (!prefix)
      throw new AppError("USAGE", "Cannot load: no destination is given", {
        hint: "name the registry with -d HOST[:PORT][/PREFIX]",
      });
    const failed = await failedPath(flags.failed, { list: flags.file, uses: flags.source });
    if (!isPipe) await warnOfFormat(flags.source[0]!, flags.compress, log);
    await using source = await openSource(flags, isPipe, session);
    const isInputTaken = isPipe || flags.file === "-";
    const access = await openAccess(flags, { destination: { prefix }, jobs, isInputTaken, log, signal });
    const { store, listed } = await chooseImages(source.store, flags, { signal });
    const reporting = { past: "Loaded", failed };
    return await report(listed, reporting, session, async (onEvent) => {
      await using registries = openRegistries(access, log, onEvent);
      const wanted = await wantedIn(store, below(registries.destination(prefix.registry), prefix), { signal });
      const stopAtDamage = !flags["keep-going"];
      return source.copy(wanted, { ...selection, jobs, stopAtDamage, onEvent, signal });
    });
  }),
});

function checkFlags({ source, file }: Flags<typeof args>, isPipe: boolean): void {
  if (source.length === 0)
    throw new AppError("USAGE", "Cannot load: no archive is given", { hint: "name it with -s FILE" });
  if (isPipe && source.length > 1)
    throw new AppError("USAGE", "Cannot load: standard input is one archive, and more are named", {
      hint: "join the parts: cat bundle.tar.gz.part0 bundle.tar.gz.part1 | dray load -s -",
    });
  if (isPipe && file === "-") throw new AppError("USAGE", "Cannot load: standard input is the archive, not the list");
}

function openSource(flags: Flags<typeof args>, isPipe: boolean, session: Session): Promise<Loadable> {
  const options = readingOf(flags, session);
  if (!isPipe) return openLoadable(flags.source, { ...options, holes: flags["keep-going"] });
  return openPipe(process.stdin as AsyncIterable<Bytes>, { ...options, name: "standard input" });
}

/** Older tools need to be told the format; a wrong word must not pass unseen, and needs no more than that. */
async function warnOfFormat(path: string, compress: string | undefined, log: Log): Promise<void> {
  if (compress === undefined) return;
  const format = await formatOf(path);
  if (format !== undefined && format !== compress)
    log.warn(`"${path}" is ${format}, not ${compress}; reading it as what it is`);
}
