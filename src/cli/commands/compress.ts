/** `dray compress`: a cache folder into an archive. */
import { defineCommand } from "citty";
import { AppError } from "../../errors.ts";
import { parseSelection } from "../../oci/platform.ts";
import { compress } from "../../operations/compress.ts";
import { openStore } from "../../operations/open.ts";
import { action } from "../action.ts";
import { nameArchive } from "../archive-name.ts";
import { compressArgs, failedArgs, globalArgs, jobsArgs, storedPlatformArgs } from "../args.ts";
import { savedTime } from "../environment.ts";
import type { Examples } from "../help.ts";
import { parseJobs } from "../jobs.ts";
import { listStore } from "../list.ts";
import { report } from "../report.ts";

const args = {
  file: {
    type: "string",
    alias: "f",
    default: "saved-image-cache",
    valueHint: "FOLDER",
    description: "Cache folder to pack",
  },
  destination: {
    type: "string",
    alias: "d",
    valueHint: "FILE",
    description: "Archive to write; default: saved-images with the suffix of its format",
  },
  compress: { ...compressArgs.compress, valueHint: "gzip|zstd|tar" },
  format: { type: "string", valueHint: "gzip|zstd|tar", description: "The same as --compress, as Hangar spells it" },
  ...storedPlatformArgs,
  ...jobsArgs,
  ...failedArgs("compress"),
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["Pack a folder that sync filled", "dray compress -f saved-image-cache -d bundle.tar.gz"],
  ["As zstd", "dray compress -f saved-image-cache -c zstd"],
];

export default defineCommand({
  meta: { name: "compress", description: "Pack a cache folder into an archive" },
  args,
  run: action("compress", args, async (flags, session) => {
    const { signal, log } = session;
    const jobs = parseJobs(flags.jobs, log.warn);
    const { path, format } = nameArchive(flags.destination, flags.compress ?? flags.format);
    if (format === "dir")
      throw new AppError("USAGE", `Cannot compress "${flags.file}" to a folder: it is one`, {
        hint: "choose gzip, zstd or tar",
      });
    await using store = await openStore(flags.file, { signal });
    const listed = await listStore(store, { signal });
    const time = savedTime();
    const options = { selection: parseSelection(flags.arch, flags.os), strict: false, jobs, savedTime: time, signal };
    const reporting = { past: "Compressed", failed: flags.failed, atomic: true };
    return await report(listed, reporting, session, async (onEvent) => {
      const summary = await compress(store, { path, format }, { ...options, onEvent });
      if (summary.archived !== undefined) log.info(`wrote ${path}`);
      return summary;
    });
  }),
});
