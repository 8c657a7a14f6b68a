/** `dray save`: images from registries into an archive. */
import { defineCommand } from "citty";
import { openCache } from "../../layout/cache.ts";
import { checkPublishable, publish } from "../../layout/publish.ts";
import { parseSelection } from "../../oci/platform.ts";
import { save } from "../../operations/save.ts";
import { openAccess } from "../access.ts";
import { action } from "../action.ts";
import { describeTarget, parseTarget } from "../archive-target.ts";
import {
  archiveArgs,
  cacheArgs,
  compressArgs,
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
    valueHint: "FILE",
    description: "Archive to write, - for standard output; default: saved-images with the suffix of its format",
  },
  ...compressArgs,
  ...archiveArgs,
  ...platformArgs,
  ...referrerArgs,
  ...jobsArgs,
  ...failedArgs("save"),
  ...cacheArgs,
  ...registryArgs,
  ...sourceArgs,
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["Save a list", "dray save -f images.txt -d bundle.tar.gz"],
  ["Save what a pipe names, as zstd", "cat images.txt | dray save -d bundle.tar.zst"],
  ["In parts for small disks", "dray save -f images.txt -d bundle.tar.gz --part-size 4G"],
  ["Into a pipe", "dray save -f images.txt -d - | ssh host 'cat > bundle.tar.gz'"],
  ["For docker load, podman load and skopeo", "dray save -f images.txt -d bundle.tar --layout oci"],
  ["One platform only", "dray save -f images.txt -a arm64 --os linux"],
  ["From a mirror of the registries in the list", "dray save -f images.txt -s mirror.example:5000"],
  ["Try again what failed", "dray save -f save-failed.txt -d rest.tar.gz"],
];

export default defineCommand({
  meta: { name: "save", description: "Save images from registries into an archive" },
  args,
  run: action("save", args, async (flags, session) => {
    const { signal, log } = session;
    const jobs = parseJobs(flags.jobs, log.warn);
    const target = parseTarget(flags);
    const list = await readList(flags.file, { signal });
    const from = sourceRegistry(flags.source);
    const { listed, valid } = numberImages(list, from);
    if (target.format === "dir") await checkPublishable(flags["cache-dir"], target.path);
    const options = {
      selection: parseSelection(flags.arch, flags.os),
      strict: flags["no-arch-os-fail"],
      referrers: flags.referrers,
      jobs,
      savedTime: savedTime(),
      signal,
    };
    const source = { prefix: from, hosts: valid.map(({ value }) => value.registry) };
    const access = await openAccess(flags, { source, jobs, isInputTaken: list.path === undefined, log, signal });
    await using cache = await openCache(flags["cache-dir"], log.warn);
    const archive = target.format === "dir" ? undefined : target;
    const reporting = { past: "Saved", failed: flags.failed, input: list.path, atomic: true };
    return await report(
      listed,
      { ...reporting, isOutputTaken: archive?.stream !== undefined },
      session,
      async (onEvent) => {
        await using registries = openRegistries(access, log, onEvent);
        const wanted = wantedInFolder(valid, registries, cache.repository(""));
        const summary = await save(wanted, { cache, archive }, { ...options, onEvent });
        if (summary.images.length === 0) return summary;
        await cache.name(summary.images, options.savedTime);
        if (!archive) await publish(cache.folder, target.path, summary.images);
        else log.info(`what was downloaded stays in ${cache.folder}`);
        log.info(archive ? describeTarget(archive, summary.archived ?? 0) : `wrote ${target.path}`);
        return summary;
      },
    );
  }),
});
