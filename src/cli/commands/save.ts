/** `dray save`: images from registries into an archive. */
import { defineCommand } from "citty";
import { openCache } from "../../layout/cache.ts";
import { checkPublishable, publish } from "../../layout/publish.ts";
import { save } from "../../operations/save.ts";
import { openAccess } from "../access.ts";
import { action, EXIT } from "../action.ts";
import { describeMissing, describeTarget, parseTarget } from "../archive-target.ts";
import {
  archiveArgs,
  cacheArgs,
  failedArgs,
  globalArgs,
  jobsArgs,
  listArgs,
  platformArgs,
  referrerArgs,
  registryArgs,
  sourceArgs,
  targetArgs,
} from "../args.ts";
import { savedTime, sourceRegistry } from "../environment.ts";
import { failedPath } from "../failed-path.ts";
import type { Examples } from "../help.ts";
import { readList } from "../input.ts";
import { parseJobs } from "../jobs.ts";
import { requireOtherList } from "../list-apart.ts";
import { openRegistries } from "../registries.ts";
import { report } from "../report.ts";
import { selectionOf } from "../selection.ts";
import { numberImages, wantedInFolder } from "../wanted.ts";

const args = {
  ...listArgs,
  ...targetArgs,
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
    const target = parseTarget(flags, log.warn);
    const archive = target.format === "dir" ? undefined : target;
    const output = archive?.stream ? undefined : target.path;
    const given = flags.file ?? "-";
    await requireOtherList(given, output);
    const failed = await failedPath(flags.failed, { list: given, uses: [flags["cache-dir"]], archive: output });
    const list = await readList(flags.file, { signal });
    const from = sourceRegistry(flags.source);
    const { listed, valid } = numberImages(list, from);
    if (target.format === "dir") await checkPublishable(flags["cache-dir"], target.path);
    const options = { ...selectionOf(flags, log.warn), jobs, savedTime: savedTime(), signal };
    const source = { prefix: from, hosts: valid.map(({ value }) => value.registry) };
    const access = await openAccess(flags, { source, jobs, isInputTaken: list.path === undefined, log, signal });
    await using cache = await openCache(flags["cache-dir"], log.warn);
    const isOutputTaken = archive?.stream !== undefined;
    const reporting = { past: "Saved", failed, atomic: true, isOutputTaken };
    let isWritten = false;
    const code = await report(listed, reporting, session, async (onEvent) => {
      await using registries = openRegistries(access, log, onEvent);
      const wanted = wantedInFolder(valid, registries, cache.repository(""));
      const summary = await save(wanted, { cache, archive }, { ...options, onEvent });
      isWritten = summary.images.length > 0;
      if (!isWritten) {
        log.warn(await describeMissing(target));
        return summary;
      }
      await cache.name(summary.images, options.savedTime);
      if (!archive) await publish(cache.folder, target.path, summary.images);
      else log.info(`what was downloaded stays in ${cache.folder}`);
      log.info(archive ? describeTarget(archive, summary.archived ?? 0) : `wrote ${target.path}`);
      return summary;
    });
    return isWritten || code !== EXIT.done ? code : EXIT.partial;
  }),
});
