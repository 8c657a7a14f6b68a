/** `dray load`: images from an archive or a folder into a registry. */
import { defineCommand } from "citty";
import { AppError } from "../../errors.ts";
import { parseSelection } from "../../oci/platform.ts";
import { copy } from "../../operations/copy.ts";
import { formatOf, openStore } from "../../operations/open.ts";
import { below, wantedIn } from "../../operations/stored.ts";
import { openAccess } from "../access.ts";
import { action } from "../action.ts";
import {
  compressArgs,
  destinationArgs,
  failedArgs,
  globalArgs,
  jobsArgs,
  referrerArgs,
  registryArgs,
  storedPlatformArgs,
} from "../args.ts";
import { destinationRegistry } from "../environment.ts";
import type { Examples } from "../help.ts";
import { parseJobs } from "../jobs.ts";
import { listStore } from "../list.ts";
import type { Log } from "../log.ts";
import { openRegistries } from "../registries.ts";
import { report } from "../report.ts";

const args = {
  source: { type: "string", alias: "s", valueHint: "PATH", description: "Archive or folder to load" },
  destination: {
    type: "string",
    alias: "d",
    valueHint: "REGISTRY[/PREFIX]",
    description: "Registry to load into, and a path that every name goes below",
  },
  ...storedPlatformArgs,
  ...referrerArgs,
  ...jobsArgs,
  ...failedArgs("load"),
  compress: { ...compressArgs.compress, description: "Accepted for older scripts; the format is found by looking" },
  ...registryArgs,
  ...destinationArgs,
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["Load an archive", "dray load -s bundle.tar.gz -d registry.internal:5000"],
  ["Below a project", "dray load -s bundle.tar.gz -d harbor.internal/mirror"],
  ["From an unpacked folder", "dray load -s saved-image-cache -d localhost:5000"],
];

export default defineCommand({
  meta: { name: "load", description: "Load images from an archive into a registry" },
  args,
  run: action("load", args, async (flags, session) => {
    const { signal, log } = session;
    const jobs = parseJobs(flags.jobs, log.warn);
    if (!flags.source)
      throw new AppError("USAGE", "Cannot load: no archive is given", { hint: "name it with -s FILE" });
    const prefix = destinationRegistry(flags.destination);
    if (!prefix)
      throw new AppError("USAGE", "Cannot load: no destination is given", {
        hint: "name the registry with -d HOST[:PORT][/PREFIX]",
      });
    await warnOfFormat(flags.source, flags.compress, log);
    await using store = await openStore(flags.source, { signal });
    const access = await openAccess(flags, { destination: { prefix }, isInputTaken: false, log, signal });
    const listed = await listStore(store, { signal });
    return await report(listed, { past: "Loaded", failed: flags.failed }, session, async (onEvent) => {
      await using registries = openRegistries(access, log, onEvent);
      const wanted = await wantedIn(store, below(registries.destination(prefix.registry), prefix), { signal });
      const selection = parseSelection(flags.arch, flags.os);
      return copy(wanted, { selection, strict: false, referrers: flags.referrers, jobs, onEvent, signal });
    });
  }),
});

/** Older tools need to be told the format; a wrong word must not pass unseen, and needs no more than that. */
async function warnOfFormat(path: string, compress: string | undefined, log: Log): Promise<void> {
  if (compress === undefined) return;
  const format = await formatOf(path);
  if (format !== undefined && format !== compress)
    log.warn(`"${path}" is ${format}, not ${compress}; reading it as what it is`);
}
