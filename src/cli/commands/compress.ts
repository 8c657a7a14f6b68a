/** `dray compress`: a cache folder, or an archive, into an archive. */
import { defineCommand } from "citty";
import { AppError } from "../../errors.ts";
import { compress } from "../../operations/compress.ts";
import { openStore } from "../../operations/open.ts";
import { action, EXIT } from "../action.ts";
import { describeMissing, describeTarget, parseTarget } from "../archive-target.ts";
import {
  archiveArgs,
  failedArgs,
  globalArgs,
  jobsArgs,
  readArgs,
  referrerArgs,
  storedPlatformArgs,
  targetArgs,
} from "../args.ts";
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
    default: "saved-image-cache",
    valueHint: "FOLDER",
    description: "Cache folder to pack, or an archive",
  },
  ...targetArgs,
  compress: { ...targetArgs.compress, valueHint: "gzip|zstd|tar" },
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
    const target = parseTarget({ ...flags, compress: flags.compress ?? flags.format }, log.warn);
    if (target.format === "dir")
      throw new AppError("USAGE", `Cannot compress "${flags.file}" to a folder: an archive is a file`, {
        hint: "choose gzip, zstd or tar; dray decompress fills a folder",
      });
    requireFiles([flags.file]);
    const output = target.stream ? undefined : target.path;
    const failed = await failedPath(flags.failed, { uses: [flags.file], archive: output });
    const options = { ...selectionOf(flags, log.warn), jobs, savedTime: savedTime(), signal };
    await using store = await openStore(flags.file, readingOf(flags, session));
    const listed = await listStore(store, { signal });
    const isOutputTaken = target.stream !== undefined;
    const reporting = { past: "Compressed", failed, atomic: true, isOutputTaken };
    let isWritten = false;
    const code = await report(listed, reporting, session, async (onEvent) => {
      const summary = await compress(store, target, { ...options, onEvent });
      isWritten = summary.archived !== undefined;
      if (summary.archived === undefined) log.warn(await describeMissing(target));
      else log.info(describeTarget(target, summary.archived));
      return summary;
    });
    return isWritten || code !== EXIT.done ? code : EXIT.partial;
  }),
});
