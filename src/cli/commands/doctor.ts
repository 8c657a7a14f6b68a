/** `dray doctor`: what a run would trip over at a registry, before it does. */
import { defineCommand } from "citty";
import { AppError } from "../../errors.ts";
import { isDigest } from "../../oci/digest.ts";
import { isTag, parsePrefix, parseReference, type RegistryPrefix } from "../../oci/reference.ts";
import { diagnose, type Patient } from "../../operations/diagnose.ts";
import type { Finding, State } from "../../operations/diagnosis/finding.ts";
import { openAccess } from "../access.ts";
import { action, EXIT } from "../action.ts";
import { globalArgs, registryArgs } from "../args.ts";
import type { Examples } from "../help.ts";
import { registryOptions } from "../registries.ts";

const args = {
  registry: {
    type: "positional",
    description:
      "Registry, and an image or repository of it to read from and write to: HOST[:PORT][/NAME[:TAG|@DIGEST]]",
  },
  "read-only": { type: "boolean", description: "Write nothing, not even to remove it again" },
  json: { type: "boolean", description: "Print a JSON array" },
  ...registryArgs,
  username: { ...registryArgs.username, description: "Who to be there, instead of what dray login stored" },
  ...globalArgs,
} as const;

export const examples: Examples = [
  ["Whether a registry can be reached, and who we are there", "dray doctor registry.internal:5000"],
  ["Whether images can be pushed below a project", "dray doctor harbor.internal/mirror/probe"],
  [
    "Whether an image can be pulled, and how many pulls are left",
    "dray doctor --read-only docker.io/library/nginx:1.25",
  ],
];

export default defineCommand({
  meta: { name: "doctor", description: "Check what a run would trip over at a registry" },
  args,
  run: action("doctor", args, async (flags, { signal, log }) => {
    const { registry: host, path, tag } = parsePatient(flags.registry);
    const prefix = { registry: host, path: path ?? "" };
    const trusted: string[] = [];
    // What it tells in detail is which certificates are used.
    const debug = (line: string): void => {
      trusted.push(line);
      log.debug(line);
    };
    // What is only read is a source.
    const side = flags["read-only"] ? "source" : "destination";
    const access = await openAccess(flags, {
      [side]: { prefix },
      isInputTaken: false,
      log: { ...log, debug },
      signal,
    });
    const options = registryOptions(access, side, log);
    const variables = Object.entries(access.network.variables).flatMap(([name, value]) => (value ? [name] : []));
    const patient: Patient = { host, options, path, tag, variables, trusted: () => trusted };
    const color = process.stdout.isTTY === true && !process.env.NO_COLOR;
    const findings: Finding[] = [];
    for await (const finding of diagnose(patient, { readOnly: flags["read-only"], signal })) {
      findings.push(finding);
      if (!flags.json) process.stdout.write(format(finding, color));
    }
    if (flags.json) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
    return findings.some(({ state }) => state === "failed") ? EXIT.failed : EXIT.done;
  }),
});

/** The first part is a registry, whatever it looks like: that is what is examined. Throws USAGE. */
function parsePatient(text: string): { registry: string; path: string | undefined; tag: string | undefined } {
  const [, name = text, tag, digest] = /^(.*\/[^/@]*?)(?::([^/:@]*)|@([^/@]*))$/.exec(text) ?? [];
  if (tag !== undefined && !isTag(tag)) throw new AppError("USAGE", `Cannot examine "${text}": "${tag}" is not a tag`);
  if (digest !== undefined && !isDigest(digest))
    throw new AppError("USAGE", `Cannot examine "${text}": "${digest}" is not a digest`);
  const { registry, path }: RegistryPrefix = parsePrefix(name);
  if (path === "") return { registry, path: undefined, tag: undefined };
  return { registry, path: parseReference(`${registry}/${path}`).repository, tag: tag ?? digest };
}

const MARKS: Readonly<Record<State, string>> = {
  ok: "ok",
  note: "note",
  warning: "warning",
  failed: "FAILED",
  skipped: "-",
};
const COLORS: Readonly<Record<State, number>> = { ok: 32, note: 36, warning: 33, failed: 31, skipped: 90 };

/** `ok       mount         shared layers are uploaded once`, and what to do on a line of its own. */
function format({ check, state, said, advice }: Finding, color: boolean): string {
  const mark = MARKS[state].padEnd(8);
  const shown = color ? `\u001b[${COLORS[state]}m${mark}\u001b[0m` : mark;
  const line = `${shown} ${check.padEnd(14)} ${said}\n`;
  return advice === undefined ? line : `${line}${" ".repeat(24)}${advice}\n`;
}
