/** The lines of a scripted conversation: `GET /v2/a/blobs/x [range: bytes=1-] -> 206 [content-range: bytes 1-9/10]`. */
import type { RawRequest } from "./raw-server.ts";

/** What a line says. */
export interface Line {
  readonly method: string;
  /** Letter for letter, but for `…`, which stands for anything. */
  readonly target: string;
  /** What the request must have; undefined: must not have. */
  readonly wanted: ReadonlyMap<string, string | undefined>;
  /** A status; `cut` and `silence`: no answer. */
  readonly answer: number | "cut" | "silence";
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Headers that a request must not have unless its line names them: they carry secrets, or change what is answered. */
const NAMED_ONLY = [
  "authorization",
  "cookie",
  "proxy-authorization",
  "range",
  "if-range",
  "content-range",
  "transfer-encoding",
  "content-encoding",
];

/** Reads a line. Throws for one that is none. */
export function parseLine(text: string): Line {
  const match = /^(\S+) (\S+)((?: \[.*?\](?= \[| ->))*) -> (\d+|cut|silence)((?: \[.*?\](?= \[|$))*)$/s.exec(
    text.trim(),
  );
  if (!match) throw new Error(`no line of a conversation: ${text}`);
  const [, method = "", target = "", wanted = "", answer = "", headers = ""] = match;
  return {
    method,
    target,
    wanted: new Map(bracketsOf(wanted).map((one) => requirement(one))),
    answer: answer === "cut" || answer === "silence" ? answer : Number(answer),
    headers: bracketsOf(headers).map((one) => pair(one)),
  };
}

function bracketsOf(text: string): string[] {
  return [...text.matchAll(/ \[(.*?)\](?= \[|$)/gs)].map(([, inside]) => inside!);
}

function pair(text: string): readonly [string, string] {
  const [, name, value] = /^([A-Za-z0-9-]+): (.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new Error(`no header: [${text}]`);
  return [name.toLowerCase(), value];
}

function requirement(text: string): readonly [string, string | undefined] {
  const [, forbidden] = /^no ([A-Za-z0-9-]+)$/.exec(text) ?? [];
  return forbidden === undefined ? pair(text) : [forbidden.toLowerCase(), undefined];
}

/** How a request differs from what a line wants, a sentence each; empty where it is the one. */
export function differences(line: Line, { method, target, headers }: RawRequest): string[] {
  const found: string[] = [];
  if (method !== line.method) found.push(`the method is ${method}, not ${line.method}`);
  if (!isLike(target, line.target)) found.push(`the target is ${target}, not ${line.target}`);
  const wanted = new Map([...NAMED_ONLY.map((name) => [name, undefined] as const), ...line.wanted]);
  for (const [name, value] of wanted) {
    const seen = headers.get(name);
    if (value === undefined ? seen !== undefined : seen === undefined || !isLike(seen, value))
      found.push(`${name} is ${seen ?? "absent"}, not ${value ?? "absent"}`);
  }
  return found;
}

/** Equal, where `…` stands for anything. */
export function isLike(text: string, pattern: string): boolean {
  if (!pattern.includes("…")) return text === pattern;
  const parts = pattern.split("…").map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(text);
}

/** A request as a line would have it. */
export function showRequest({ method, target, headers }: RawRequest): string {
  const shown = [...headers]
    .filter(([name]) => NAMED_ONLY.includes(name))
    .map(([name, value]) => ` [${name}: ${value}]`);
  return `${method} ${target}${shown.join("")}`;
}
