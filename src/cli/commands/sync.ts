/** `dray sync`: adds images to a cache folder. */
import { defineCommand } from "citty";
import { AppError } from "../../errors.ts";
import { openCache } from "../../layout/cache.ts";
import { parseSelection } from "../../oci/platform.ts";
import { namedImages, withNew } from "../../operations/named.ts";
import { save } from "../../operations/save.ts";
import { openAccess } from "../access.ts";
import { action } from "../action.ts";
import {
  failedArgs,
  globalArgs,
  jobsArgs,
  listArgs,
  platformArgs,
  referrerArgs,
  registryArgs,
  sourceArgs,
} from "../args.ts";
import { savedTime, sourceRegistry } from "../environment.ts";
import type { Examples } from "../help.ts";
import { readList } from "../input.ts";
import { parseJobs } from "../jobs.ts";
import { openRegistries } from "../registries.ts";
import { report } from "../report.ts";
import { numberImages, wantedInFolder } from "../wanted.ts";

const args = {
  ...listArgs,
  destination: {
    type: "string",
    alias: "d",
    valueHint: "FOLDER",
    description: "Cache folder to add to; made where it is not there",
  },
  ...platformArgs,
  ...referrerArgs,
  ...jobsArgs,
  ...failedArgs("sync"),
  ...registryArgs,
  ...sourceArgs,
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["Add images to a cache folder", "dray sync -f more.txt -d saved-image-cache"],
  ["Add what failed before", "dray sync -f save-failed.txt -d saved-image-cache"],
];

export default defineCommand({
  meta: { name: "sync", description: "Add images from registries to a cache folder" },
  args,
  run: action("sync", args, async (flags, session) => {
    const { signal, log } = session;
    const jobs = parseJobs(flags.jobs, log.warn);
    if (!flags.destination)
      throw new AppError("USAGE", "Cannot sync: no folder is given", { hint: "name it with -d FOLDER" });
    const list = await readList(flags.file, { signal });
    const from = sourceRegistry(flags.source);
    const { listed, valid } = numberImages(list, from);
    const source = { prefix: from, hosts: valid.map(({ value }) => value.registry) };
    const access = await openAccess(flags, { source, jobs, isInputTaken: list.path === undefined, log, signal });
    const selection = parseSelection(flags.arch, flags.os);
    const time = savedTime();
    await using cache = await openCache(flags.destination, log.warn);
    const before = await namedImages(cache, { jobs, onWarning: log.warn, signal });
    const reporting = {
      past: "Synced",
      failed: flags.failed,
      input: list.path,
      atomic: true,
    };
    return await report(listed, reporting, session, async (onEvent) => {
      await using registries = openRegistries(access, log, onEvent);
      const wanted = wantedInFolder(valid, registries, cache.repository(""));
      const options = {
        selection,
        strict: flags["no-arch-os-fail"],
        referrers: flags.referrers,
        jobs,
        savedTime: time,
        onEvent,
        signal,
      };
      const summary = await save(wanted, { cache }, options);
      if (summary.images.length > 0) await cache.name(withNew(before, summary.images), time);
      return summary;
    });
  }),
});
