/** `dray decompress`: an archive into a cache folder. */
import { defineCommand } from "citty";
import { AppError } from "../../errors.ts";
import { openCache } from "../../layout/cache.ts";
import { add } from "../../operations/add.ts";
import { openStore } from "../../operations/open.ts";
import { wantedIn } from "../../operations/stored.ts";
import { action } from "../action.ts";
import { FORMAT_IGNORED, failedArgs, folderArgs, globalArgs, jobsArgs, readArgs, storedPlatformArgs } from "../args.ts";
import { savedTime } from "../environment.ts";
import { failedPath } from "../failed-path.ts";
import type { Examples } from "../help.ts";
import { parseJobs } from "../jobs.ts";
import { listStore } from "../list.ts";
import { readingOf, requireFiles } from "../reading.ts";
import { report } from "../report.ts";
import { selectionOf } from "../selection.ts";

const args = {
  file: {
    type: "string",
    alias: "f",
    multiple: true,
    valueHint: "FILE",
    description: "Archive to unpack, or any part of it; repeated: its parts elsewhere",
  },
  destination: { ...folderArgs.destination, default: "saved-image-cache" },
  format: { type: "string", valueHint: "gzip|zstd|tar", description: FORMAT_IGNORED },
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
    requireFiles(flags.file);
    const failed = await failedPath(flags.failed, { uses: [...flags.file, flags.destination] });
    const options = { ...selectionOf(flags, log.warn), jobs, savedTime: savedTime(), onWarning: log.warn, signal };
    await using store = await openStore(flags.file, readingOf(flags, session));
    const listed = await listStore(store, { signal });
    await using cache = await openCache(flags.destination, log.warn);
    const reporting = { past: "Decompressed", failed, atomic: true };
    return await report(listed, reporting, session, async (onEvent) => {
      const wanted = await wantedIn(store, () => cache.repository(""), { signal });
      return add(wanted, cache, { ...options, onEvent });
    });
  }),
});
