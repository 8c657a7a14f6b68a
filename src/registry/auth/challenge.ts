/** The parser of WWW-Authenticate. RFC 9110 section 11.6.1; several challenges come joined in one header. */

export interface Challenge {
  /** In lower case: Nexus sends `BASIC`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const PARAMETER = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const GAP = /[ \t,]*/y;
const SPACE = /[ \t]+/y;

/** All challenges of a header, in its order. What does not parse ends it: the challenges before are kept. */
export function parseChallenges(header: string | null): Challenge[] {
  const challenges: Challenge[] = [];
  let at = 0;
  function take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at;
    const match = pattern.exec(header ?? "");
    if (match) at = pattern.lastIndex;
    return match;
  }
  while (header !== null) {
    take(GAP);
    const scheme = take(TOKEN)?.[0];
    if (scheme === undefined) break;
    const parameters: Record<string, string> = {};
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
    if (!take(SPACE)) continue;
    for (let match = take(PARAMETER); match; match = take(PARAMETER)) {
      parameters[match[1]!.toLowerCase()] = match[2]?.replace(/\\(.)/g, "$1") ?? match[3] ?? "";
      take(GAP);
    }
    if (Object.keys(parameters).length === 0) take(TOKEN68);
  }
  return challenges;
}
