/** `dray decompress`: an archive into a cache folder. */
import { defineCommand } from "citty";
import { AppError } from "../../errors.ts";
import { openCache } from "../../layout/cache.ts";
import { parseSelection } from "../../oci/platform.ts";
import { namedImages, withNew } from "../../operations/named.ts";
import { openStore } from "../../operations/open.ts";
import { save } from "../../operations/save.ts";
import { wantedIn } from "../../operations/stored.ts";
import { action } from "../action.ts";
import { failedArgs, globalArgs, jobsArgs, readArgs, storedPlatformArgs } from "../args.ts";
import { savedTime } from "../environment.ts";
import type { Examples } from "../help.ts";
import { parseJobs } from "../jobs.ts";
import { listStore } from "../list.ts";
import { report } from "../report.ts";

const args = {
  file: {
    type: "string",
    alias: "f",
    multiple: true,
    valueHint: "FILE",
    description: "Archive to unpack, or any part of it; repeated: its parts elsewhere",
  },
  destination: {
    type: "string",
    alias: "d",
    default: "saved-image-cache",
    valueHint: "FOLDER",
    description: "Folder to fill",
  },
  format: {
    type: "string",
    valueHint: "gzip|zstd|tar",
    description: "Accepted for older scripts; the format is found by looking",
  },
  ...readArgs,
  ...storedPlatformArgs,
  ...jobsArgs,
  ...failedArgs("decompress"),
  ...globalArgs,
} as const;

export const examples: Examples = [["Unpack an archive", "dray decompress -f bundle.tar.gz"]];

export default defineCommand({
  meta: { name: "decompress", description: "Unpack an archive into a cache folder, beside what it names already" },
  args,
  run: action("decompress", args, async (flags, session) => {
    const { signal, log } = session;
    const jobs = parseJobs(flags.jobs, log.warn);
    if (flags.file.length === 0)
      throw new AppError("USAGE", "Cannot decompress: no archive is given", { hint: "name it with -f FILE" });
    await using store = await openStore(flags.file, {
      spoolFolder: flags["spool-dir"],
      onWarning: log.warn,
      onSpool: (name, folder) => log.info(`unpacks ${name} in ${folder}`),
      signal,
    });
    const listed = await listStore(store, { signal });
    await using cache = await openCache(flags.destination, log.warn);
    const before = await namedImages(cache, { jobs, onWarning: log.warn, signal });
    const options = {
      selection: parseSelection(flags.arch, flags.os),
      strict: false,
      jobs,
      savedTime: savedTime(),
      signal,
    };
    const reporting = { past: "Decompressed", failed: flags.failed, atomic: true };
    return await report(listed, reporting, session, async (onEvent) => {
      const wanted = await wantedIn(store, () => cache.repository(""), { signal });
      const summary = await save(wanted, { cache }, { ...options, onEvent });
      if (summary.images.length > 0) await cache.name(withNew(before, summary.images), options.savedTime);
      return summary;
    });
  }),
});
