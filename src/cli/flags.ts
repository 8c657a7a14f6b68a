/**
 * Command lines as typed flags. citty swallows unknown flags and reads `--no-x` as x=false; the command lines of Hangar
 * (`--no-arch-os-fail`) and image-tools (`-compress=zstd`) need neither, so flags are read here.
 */
import type { ArgsDef } from "citty";
import { AppError } from "../errors.ts";
import { closest } from "./closest.ts";
import { formerArgument, formerFlag } from "./former.ts";

/**
 * Flags by their long names: booleans false where not given, strings undefined unless they have a default. Arguments are
 * there too (`type: "positional"`): one of the name `thing...` takes all that are left, as a list. A flag that is `multiple`
 * is a list of all its values, in their order.
 */
export type Flags<T extends ArgsDef> = {
  readonly [Name in keyof T]: Name extends `${string}...`
    ? readonly string[]
    : T[Name] extends { multiple: true }
      ? readonly string[]
      : T[Name] extends { type: "boolean" }
        ? boolean
        : T[Name] extends { default: string } | { type: "positional"; required?: true }
          ? string
          : string | undefined;
};

/** Names that older tools gave to our flags. */
const SYNONYMS: Readonly<Record<string, string>> = {
  output: "failed",
  dest: "destination",
  src: "source",
  out: "destination",
};

/**
 * Reads `--name value`, `--name=value`, `-n value`, `-nvalue`, and Go's `-name value`; the last of a repeated flag wins, unless
 * it is `multiple`. What does not begin with a dash, or is nothing but one, is an argument, between flags too. Throws USAGE for
 * an unknown flag (with the closest known one), a missing value, and an argument too many or too few. `onWarning` hears of
 * flags of older tools that do nothing here. An empty value, as of a variable that is not set, is the default, where there is
 * one.
 */
export function parseFlags<T extends ArgsDef>(
  all: T,
  argv: readonly string[],
  command: string,
  onWarning?: (message: string) => void,
): Flags<T> {
  const places = Object.entries(all).filter(([, { type }]) => type === "positional");
  const definitions = Object.fromEntries(Object.entries(all).filter(([, { type }]) => type !== "positional"));
  const most = places.at(-1)?.[0].endsWith("...") ? Infinity : places.length;
  const words: string[] = [];
  const values: Record<string, string | boolean | readonly string[] | undefined> = {};
  for (const [name, definition] of Object.entries(definitions)) {
    const { type, default: value } = definition;
    values[name] = type === "boolean" ? value === true : isMultiple(definition) ? [] : (value as string | undefined);
  }
  function set(name: string, value: string): void {
    const before = values[name];
    const otherwise = definitions[name]!.default;
    if (Array.isArray(before)) values[name] = [...before, value];
    else values[name] = value === "" && typeof otherwise === "string" ? otherwise : value;
  }
  for (let at = 0; at < argv.length; at++) {
    const token = argv[at]!;
    if ((!token.startsWith("-") || token === "-") && words.length < most) {
      words.push(token);
      continue;
    }
    const former = readFormer(token, definitions, command);
    if (former) {
      onWarning?.(former.warning);
      if (former.needsNext) at++;
      continue;
    }
    const { name, value } = readNegated(token, definitions) ?? readToken(token, definitions, command);
    if (definitions[name]!.type === "boolean") values[name] = value === undefined ? true : parseBoolean(token, value);
    else if (value !== undefined) set(name, value);
    else if (at + 1 < argv.length) set(name, argv[++at]!);
    else throw new AppError("USAGE", `Cannot read "${token}": it needs a value`, { hint: helpHint(command) });
  }
  for (const [name, { required }] of places) {
    values[name] = name.endsWith("...") ? words.splice(0) : words.shift();
    if (required !== false && (values[name] === undefined || values[name].length === 0))
      throw new AppError("USAGE", `Cannot run ${command}: it needs ${name.replace(/\.+$/, "").toUpperCase()}`, {
        hint: helpHint(command),
      });
  }
  return values as Flags<T>;
}

/** citty has no word for it. */
function isMultiple(definition: object): boolean {
  return "multiple" in definition && definition.multiple === true;
}

/** `--no-name` of a flag that is on unless it is turned off. */
function readNegated(token: string, definitions: ArgsDef): { name: string; value: string } | undefined {
  const name = /^--?no-([a-z-]+)$/.exec(token)?.[1];
  return name !== undefined && definitions[name]?.default === true ? { name, value: "false" } : undefined;
}

const FLAG = /^(--?)([A-Za-z][A-Za-z0-9-]*)(?:=(.*))?$/s;

/** A flag of an older tool that does nothing here, and whether the next word is its value. Throws USAGE for one that is refused. */
function readFormer(
  token: string,
  definitions: ArgsDef,
  command: string,
): { warning: string; needsNext: boolean } | undefined {
  const [, , name, value] = FLAG.exec(token) ?? [];
  if (name === undefined || Object.hasOwn(definitions, name) || byLetter(name, definitions)) return undefined;
  const former = formerFlag(name, command);
  if (!former) return undefined;
  const { isIgnored, hasValue = false, says } = former;
  if (!isIgnored) throw unknown(token, command, says);
  return { warning: `${token.replace(/=.*/s, "")} does nothing: ${says}`, needsNext: hasValue && value === undefined };
}

function unknown(token: string, command: string, hint: string): AppError {
  const what = token.startsWith("-") ? "flag" : "argument";
  return new AppError("USAGE", `Cannot understand "${token}": dray ${command} has no such ${what}`, { hint });
}

/** Which flag a token is, and the value inside it. */
function readToken(token: string, definitions: ArgsDef, command: string): { name: string; value: string | undefined } {
  const match = FLAG.exec(token);
  const refused = (): AppError => {
    const meant = match && closest(match[2]!, Object.keys(definitions));
    const hint = meant ? `did you mean --${meant}?` : formerArgument(token, command);
    return unknown(token, command, hint ?? helpHint(command));
  };
  if (!match) {
    const attached = /^-([A-Za-z])(.+)$/s.exec(token);
    const name = attached && byLetter(attached[1]!, definitions);
    if (!name || definitions[name]!.type === "boolean") throw refused();
    return { name, value: attached[2] };
  }
  const [, dashes, spelt, value] = match as unknown as [string, string, string, string | undefined];
  const isKnown = (word: string): boolean => Object.hasOwn(definitions, word);
  const long = !isKnown(spelt) && Object.hasOwn(SYNONYMS, spelt) ? SYNONYMS[spelt]! : spelt;
  if (spelt.length > 1 && isKnown(long)) return { name: long, value };
  const name = dashes === "-" ? byLetter(spelt[0]!, definitions) : undefined;
  if (name === undefined) throw refused();
  if (spelt.length === 1) return { name, value };
  if (definitions[name]!.type === "boolean") throw refused();
  return { name, value: token.slice(2) };
}

function byLetter(letter: string, definitions: ArgsDef): string | undefined {
  return Object.keys(definitions).find((name) => {
    const { alias } = definitions[name] as { alias?: string | string[] };
    return alias === letter || (Array.isArray(alias) && alias.includes(letter));
  });
}

function parseBoolean(token: string, value: string): boolean {
  if (/^(?:true|t|1|yes)$/i.test(value)) return true;
  if (/^(?:false|f|0|no)$/i.test(value)) return false;
  throw new AppError("USAGE", `Cannot read "${token}": expected true or false`);
}

function helpHint(command: string): string {
  return `dray ${command} --help lists the flags`;
}
