/** `dray mirror`: images from registry to registry. */
import { defineCommand } from "citty";
import { parseMirrorList } from "../../lists/mirror-list.ts";
import { formatReference } from "../../oci/reference.ts";
import { copy } from "../../operations/copy.ts";
import { openAccess } from "../access.ts";
import { action } from "../action.ts";
import {
  destinationArgs,
  failedArgs,
  globalArgs,
  jobsArgs,
  listArgs,
  platformArgs,
  referrerArgs,
  registryArgs,
  sourceArgs,
} from "../args.ts";
import { destinationRegistry, sourceRegistry } from "../environment.ts";
import { failedPath } from "../failed-path.ts";
import type { Examples } from "../help.ts";
import { readList } from "../input.ts";
import { parseJobs } from "../jobs.ts";
import { numberLines } from "../list.ts";
import { openRegistries } from "../registries.ts";
import { report } from "../report.ts";
import { selectionOf } from "../selection.ts";
import { wantedInRegistries } from "../wanted.ts";

const args = {
  ...listArgs,
  destination: {
    type: "string",
    alias: "d",
    valueHint: "REGISTRY[/PREFIX]",
    description: "Registry that takes the place of the destinations in the list",
  },
  ...platformArgs,
  ...referrerArgs,
  ...jobsArgs,
  ...failedArgs("mirror"),
  ...registryArgs,
  ...sourceArgs,
  ...destinationArgs,
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["Mirror a list of names", "dray mirror -f images.txt -d registry.internal:5000"],
  ["Rename on the way, with lines of SOURCE DESTINATION TAG", "dray mirror -f mirror.txt"],
  ["Every night", "dray mirror -f images.txt -d registry.internal -j 10 -o mirror-failed.txt"],
];

export default defineCommand({
  meta: { name: "mirror", description: "Copy images from registry to registry" },
  args,
  run: action("mirror", args, async (flags, session) => {
    const { signal, log } = session;
    const jobs = parseJobs(flags.jobs, log.warn);
    const selection = selectionOf(flags, log.warn);
    const failed = await failedPath(flags.failed, { list: flags.file ?? "-" });
    const list = await readList(flags.file, { signal });
    const ends = { from: sourceRegistry(flags.source), to: destinationRegistry(flags.destination) };
    const { listed, valid } = numberLines(parseMirrorList(list.text, list.source, ends), list.source, {
      nameOf: ({ source, destination }) => `${formatReference(source)} => ${formatReference(destination)}`,
    });
    const access = await openAccess(flags, {
      source: { prefix: ends.from, hosts: valid.map(({ value }) => value.source.registry) },
      destination: { prefix: ends.to, hosts: valid.map(({ value }) => value.destination.registry) },
      jobs,
      isInputTaken: list.path === undefined,
      log,
      signal,
    });
    const reporting = { past: "Mirrored", failed };
    return await report(listed, reporting, session, async (onEvent) => {
      await using registries = openRegistries(access, log, onEvent);
      const wanted = wantedInRegistries(valid, registries);
      return copy(wanted, { ...selection, jobs, onEvent, signal });
    });
  }),
});
