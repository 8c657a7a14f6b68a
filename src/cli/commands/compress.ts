/** `dray compress`: a cache folder, or an archive, into an archive. */
import { defineCommand } from "citty";
import { AppError } from "../../errors.ts";
import { parseSelection } from "../../oci/platform.ts";
import { compress } from "../../operations/compress.ts";
import { openStore } from "../../operations/open.ts";
import { action } from "../action.ts";
import { describeTarget, parseTarget } from "../archive-target.ts";
import {
  archiveArgs,
  compressArgs,
  failedArgs,
  globalArgs,
  jobsArgs,
  readArgs,
  referrerArgs,
  storedPlatformArgs,
} from "../args.ts";
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
    description: "Cache folder to pack, or an archive",
  },
  destination: {
    type: "string",
    alias: "d",
    valueHint: "FILE",
    description: "Archive to write, - for standard output; default: saved-images with the suffix of its format",
  },
  compress: { ...compressArgs.compress, valueHint: "gzip|zstd|tar" },
  format: { type: "string", valueHint: "gzip|zstd|tar", description: "The same as --compress, as Hangar spells it" },
  ...archiveArgs,
  ...readArgs,
  ...storedPlatformArgs,
  ...referrerArgs,
  ...jobsArgs,
  ...failedArgs("compress"),
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["Pack a folder that sync filled", "dray compress -f saved-image-cache -d bundle.tar.gz"],
  ["As zstd", "dray compress -f saved-image-cache -c zstd"],
  ["For docker load, podman load and skopeo", "dray compress -f saved-image-cache -d bundle.tar --layout oci"],
];

export default defineCommand({
  meta: { name: "compress", description: "Pack a cache folder, or any archive, into an archive" },
  args,
  run: action("compress", args, async (flags, session) => {
    const { signal, log } = session;
    const jobs = parseJobs(flags.jobs, log.warn);
    const target = parseTarget({ ...flags, compress: flags.compress ?? flags.format });
    if (target.format === "dir")
      throw new AppError("USAGE", `Cannot compress "${flags.file}" to a folder: it is one`, {
        hint: "choose gzip, zstd or tar",
      });
    const onSpool = (name: string, folder: string): void => log.info(`unpacks ${name} in ${folder}`);
    const reading = { spoolFolder: flags["spool-dir"], onWarning: log.warn, onSpool, signal };
    await using store = await openStore(flags.file, reading);
    const listed = await listStore(store, { signal });
    const time = savedTime();
    const selection = parseSelection(flags.arch, flags.os);
    const options = { selection, strict: false, referrers: flags.referrers, jobs, savedTime: time, signal };
    const isOutputTaken = target.stream !== undefined;
    const reporting = { past: "Compressed", failed: flags.failed, atomic: true, isOutputTaken };
    return await report(listed, reporting, session, async (onEvent) => {
      const summary = await compress(store, target, { ...options, onEvent });
      if (summary.archived !== undefined) log.info(describeTarget(target, summary.archived));
      return summary;
    });
  }),
});
