/** `dray sync`: adds images to a cache folder. */
import { defineCommand } from "citty";
import { AppError } from "../../errors.ts";
import { openCache } from "../../layout/cache.ts";
import { type AddOptions, add } from "../../operations/add.ts";
import { openStore } from "../../operations/open.ts";
import { wantedIn } from "../../operations/stored.ts";
import { openAccess } from "../access.ts";
import { action } from "../action.ts";
import {
  chooseArgs,
  eitherPlatformArgs,
  failedArgs,
  folderArgs,
  globalArgs,
  jobsArgs,
  listArgs,
  platformArgs,
  readArgs,
  referrerArgs,
  registryArgs,
  sourceArgs,
  storedPlatformArgs,
} from "../args.ts";
import { chooseImages } from "../choose.ts";
import { savedTime, sourceRegistry } from "../environment.ts";
import { failedPath } from "../failed-path.ts";
import type { Flags } from "../flags.ts";
import type { Examples } from "../help.ts";
import { readList } from "../input.ts";
import { parseJobs } from "../jobs.ts";
import { readingOf } from "../reading.ts";
import { openRegistries } from "../registries.ts";
import { report } from "../report.ts";
import { selectionOf } from "../selection.ts";
import type { Session } from "../session.ts";
import { archiveOf } from "../source.ts";
import { numberImages, wantedInFolder } from "../wanted.ts";

const args = {
  file: {
    ...listArgs.file,
    description: "Image list, one a line; - or nothing reads standard input. Of an archive: only these; default: all",
  },
  source: {
    ...listArgs.source,
    multiple: true,
    valueHint: "PATH|REGISTRY",
    description:
      "Archive or folder to add, or any part of an archive (repeated: its parts elsewhere), where there is one; else a registry that takes the place of those in the list",
  },
  ...chooseArgs,
  ...folderArgs,
  ...eitherPlatformArgs,
  ...readArgs,
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
  ["Add what an archive has", "dray sync -s bundle.tar.gz -d saved-image-cache"],
  ["Some of what a folder has", "dray sync -s /mnt/stick/images -d saved-image-cache --only 'rancher/*'"],
];

export default defineCommand({
  meta: { name: "sync", description: "Add images from registries, or from an archive, to a cache folder" },
  args,
  run: action("sync", args, async (flags, session) => {
    if (!flags.destination)
      throw new AppError("USAGE", "Cannot sync: no folder is given", { hint: "name it with -d FOLDER" });
    const archive = await archiveOf(flags.source, session.log.warn);
    if (archive) return await syncArchive(archive, flags.destination, flags, session);
    if (flags.only.length > 0)
      throw new AppError("USAGE", "Cannot use --only: no archive is given", {
        hint: "name one with -s FILE; of registries, the list says which images are meant",
      });
    return await syncRegistries(flags.destination, flags, session);
  }),
});

async function syncArchive(
  paths: readonly string[],
  folder: string,
  flags: Flags<typeof args>,
  session: Session,
): Promise<number> {
  const { signal, log } = session;
  const options = optionsOf(flags, storedPlatformArgs, session);
  const failed = await failedPath(flags.failed, { list: flags.file, uses: [...paths, folder] });
  await using source = await openStore(paths, readingOf(flags, session));
  const { store, listed } = await chooseImages(source, flags, { signal });
  await using cache = await openCache(folder, log.warn);
  const reporting = { past: "Synced", failed, atomic: true };
  return await report(listed, reporting, session, async (onEvent) => {
    const wanted = await wantedIn(store, () => cache.repository(""), { signal });
    return add(wanted, cache, { ...options, onEvent });
  });
}

async function syncRegistries(folder: string, flags: Flags<typeof args>, session: Session): Promise<number> {
  const { signal, log } = session;
  const options = optionsOf(flags, platformArgs, session);
  const failed = await failedPath(flags.failed, { list: flags.file ?? "-", uses: [folder] });
  const list = await readList(flags.file, { signal });
  const from = sourceRegistry(flags.source[0]);
  const { listed, valid } = numberImages(list, from);
  const source = { prefix: from, hosts: valid.map(({ value }) => value.registry) };
  const isInputTaken = list.path === undefined;
  const access = await openAccess(flags, { source, jobs: options.jobs, isInputTaken, log, signal });
  await using cache = await openCache(folder, log.warn);
  const reporting = { past: "Synced", failed, atomic: true };
  return await report(listed, reporting, session, async (onEvent) => {
    await using registries = openRegistries(access, log, onEvent);
    return add(wantedInFolder(valid, registries, cache.repository("")), cache, { ...options, onEvent });
  });
}

/** What both have in common. The platforms are those of the given flags' defaults, unless the user says otherwise. */
function optionsOf(
  flags: Flags<typeof args>,
  { arch, os }: typeof platformArgs | typeof storedPlatformArgs,
  { log, signal }: Session,
): Omit<AddOptions, "onEvent"> {
  const selection = selectionOf({ ...flags, arch: flags.arch || arch.default, os: flags.os || os.default }, log.warn);
  const jobs = parseJobs(flags.jobs, log.warn);
  return { ...selection, jobs, savedTime: savedTime(), onWarning: log.warn, signal };
}
