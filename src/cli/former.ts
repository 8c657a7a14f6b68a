/** What Hangar and image-tools have and Dray has not: flags that scripts may go on giving, and what to do instead of the others. */

export interface FormerFlag {
  /** Those of our commands that scripts give it to. */
  readonly commands: readonly string[];
  /** Accepted without any effect; else refused. */
  readonly isIgnored: boolean;
  /** Takes a value, which may be the next word. */
  readonly hasValue?: boolean;
  /** Why it does nothing, or what to do instead. */
  readonly says: string;
}

const FILLS = ["save", "sync"];
const WRITES = ["load", "mirror"];
const CARRIES = [...FILLS, ...WRITES];
const NO_PROJECTS = "Dray makes no Harbor projects: create them first";
const NO_QUESTIONS = "Dray has no questions to answer";
const NO_SIGNING = "Dray signs nothing: sign with cosign, and the signatures travel with the image";
const BELOW = "-d HOST/PROJECT puts every name below that project";

/** By their names, one letter or more. */
export const FORMER_FLAGS: Readonly<Record<string, FormerFlag>> = {
  "repo-type": { commands: WRITES, isIgnored: true, hasValue: true, says: NO_PROJECTS },
  "repository-type": { commands: ["load"], isIgnored: true, hasValue: true, says: NO_PROJECTS },
  "harbor-https": { commands: WRITES, isIgnored: true, says: NO_PROJECTS },
  "auto-yes": { commands: [...CARRIES, "compress", "decompress"], isIgnored: true, says: NO_QUESTIONS },
  y: { commands: [...CARRIES, "compress", "decompress"], isIgnored: true, says: NO_QUESTIONS },
  "skip-login": { commands: WRITES, isIgnored: true, says: "Dray logs in where a registry wants it, and nowhere else" },
  timeout: {
    commands: CARRIES,
    isIgnored: true,
    hasValue: true,
    says: "an image may take as long as bytes arrive; what stalls is tried again",
  },
  overwrite: {
    commands: ["save", ...WRITES],
    isIgnored: true,
    says: "what has the name already is replaced; only other platforms of the same image stay",
  },
  provenance: {
    commands: CARRIES,
    isIgnored: true,
    says: "build attestations travel with their platform; --no-referrers leaves what else is attached",
  },
  "insecure-policy": { commands: CARRIES, isIgnored: true, says: "Dray has no policy that could refuse an image" },
  "hide-log-time": { commands: CARRIES, isIgnored: true, says: "every line of the log has its time" },
  "default-project": { commands: WRITES, isIgnored: false, says: `write the project in the list, or ${BELOW}` },
  project: { commands: ["load"], isIgnored: false, says: BELOW },
  "destination-project": { commands: ["mirror"], isIgnored: false, says: BELOW },
  "source-project": {
    commands: ["mirror"],
    isIgnored: false,
    says: "write the project in the list; -s HOST/PROJECT looks for every name below that project",
  },
  "source-registry": {
    commands: ["load"],
    isIgnored: false,
    says: "write the images of --file as dray ls names them",
  },
  "remove-signatures": {
    commands: ["mirror"],
    isIgnored: false,
    says: "--no-referrers leaves signatures, and what else is attached",
  },
  "sigstore-private-key": { commands: WRITES, isIgnored: false, says: NO_SIGNING },
  "sigstore-passphrase-file": { commands: WRITES, isIgnored: false, says: NO_SIGNING },
};

const LOADED = "dray verify checks an archive; dray load again moves nothing where all is there";
const MIRRORED = "dray mirror again moves nothing where all is there, and its exit code is true";

/** What to do instead of a command. */
export const FORMER_COMMANDS: Readonly<Record<string, string>> = {
  "load-validate": LOADED,
  "mirror-validate": MIRRORED,
  "convert-list": "it is not needed: dray mirror takes both kinds of list",
  "generate-list": "Dray makes no lists; each Rancher release has its own, rancher-images.txt",
  "merge-manifest": "it is not needed: the platforms of an image find together where they are loaded",
  archive: "dray ls tells what is in one; dray sync -s ARCHIVE fills a folder from several, dray compress packs it",
  inspect: "dray ls tells what is in an archive, dray doctor IMAGE whether a registry gives it",
  "list-tags": "Dray lists no tags of a registry: skopeo list-tags does",
  delete: "Dray deletes nothing from a registry",
  sign: NO_SIGNING,
  "generate-sigstore-key": NO_SIGNING,
  scan: "Dray looks for no vulnerabilities: dray serve gives the images to a scanner",
  view: "Dray carries SBOMs and attestations, and does not show them",
  completion: "Dray completes nothing in shells",
};

/** What to do instead of the argument `validate`, by which these commands checked what they had done. */
const VALIDATE: Readonly<Record<string, string>> = {
  save: "dray verify checks an archive",
  sync: "dray verify checks a folder",
  load: LOADED,
  mirror: MIRRORED,
};

/** What a flag was to a command of ours; undefined for one that it never had. */
export function formerFlag(name: string, command: string): FormerFlag | undefined {
  const flag = Object.hasOwn(FORMER_FLAGS, name) ? FORMER_FLAGS[name] : undefined;
  return flag?.commands.includes(command) ? flag : undefined;
}

/** What to do instead of a command; undefined for one that never was. */
export function formerCommand(name: string): string | undefined {
  return Object.hasOwn(FORMER_COMMANDS, name) ? FORMER_COMMANDS[name] : undefined;
}

/** The same of an argument. */
export function formerArgument(word: string, command: string): string | undefined {
  return word === "validate" && Object.hasOwn(VALIDATE, command) ? VALIDATE[command] : undefined;
}
