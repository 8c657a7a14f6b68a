/** A script of what several hosts are asked, in one order, and what has become of it. */
import type { RawRequest } from "./raw-server.ts";
import type { Extras } from "./scripted-answer.ts";
import { differences, type Line, parseLine, showRequest } from "./scripted-line.ts";

/** What a line's brackets cannot say; a function is asked when the request is there. */
export type Saying = Extras | ((request: RawRequest) => Extras);

/** Who has an answer. */
export interface Found {
  readonly line: Line;
  readonly saying: Saying;
  /** The request's body must be the right one too. */
  readonly isStrict: boolean;
}

export interface Script {
  /** The next thing that the host is asked. */
  expect(at: string, text: string, saying: Saying): void;
  /** Something that it may be asked any number of times, at any time. Returns when each of them was. */
  allow(at: string, text: string, saying: Saying): readonly number[];
  /** Who answers this request; undefined from the first on that nobody expected. */
  find(at: string, request: RawRequest): Found | undefined;
  /** Something else went wrong. */
  fail(title: string): void;
  /** Why it is not what happened, with all that did happen; undefined where it is. `isOver`: nothing more may be missing. */
  problem(isOver: boolean): string | undefined;
  /** Milliseconds of performance.now() at which each request of the script came. */
  readonly times: readonly number[];
}

interface Step {
  readonly at: string;
  readonly text: string;
  readonly line: Line;
  readonly saying: Saying;
}

/** How clients ask whether a registry is there. */
const PING: Found = { line: parseLine("HEAD /v2/ -> 200"), saying: {}, isStrict: true };

export function createScript(): Script {
  const steps: Step[] = [];
  const rules: (Step & { readonly times: number[] })[] = [];
  const transcript: string[] = [];
  const times: number[] = [];
  let failure: string | undefined;

  function fail(title: string, details: readonly string[] = []): void {
    const before = transcript.map((line, index) => `  ${String(index + 1).padStart(2)} ${line}`);
    const lines = [...before, `  -- ${title}`, ...details.map((one) => `     ${one}`)].join("\n");
    failure ??= `the conversation went another way\n${lines.replace(/(sha256:[0-9a-f]{7})[0-9a-f]+/g, "$1…")}`;
  }

  function refuse(at: string, request: RawRequest, due: Step | undefined): void {
    const expected = due ? [`expected  ${due.at} ${due.text}`] : ["expected  nothing more"];
    const how = due?.at === at ? differences(due.line, request).map((one) => `          ${one}`) : [];
    fail(`seen      ${at} ${showRequest(request)}`, [...expected, ...how]);
  }

  return {
    times,
    expect: (at, text, saying) => void steps.push({ at, text, line: parseLine(text), saying }),
    allow(at, text, saying) {
      const rule = { at, text, line: parseLine(text), saying, times: [] };
      rules.push(rule);
      return rule.times;
    },
    fail,
    find(at, request) {
      if (failure !== undefined) return undefined;
      const due = steps[times.length];
      const isFor = (one: Step): boolean => one.at === at && differences(one.line, request).length === 0;
      if (due && isFor(due)) {
        times.push(performance.now());
        transcript.push(`${at} ${due.text}`);
        return { ...due, isStrict: true };
      }
      const rule = rules.find(isFor);
      if (rule) {
        rule.times.push(performance.now());
        transcript.push(`${at} ${showRequest(request)} (as always)`);
        return { ...rule, isStrict: false };
      }
      const hasPing = steps.some(({ line }) => line.target === PING.line.target && line.method === PING.line.method);
      if (!hasPing && differences(PING.line, request).length === 0) return PING;
      refuse(at, request, due);
      return undefined;
    },
    problem(isOver) {
      const missing = steps.slice(times.length);
      if (isOver && missing.length > 0)
        fail(
          "nobody asked for",
          missing.map(({ at, text }) => `${at} ${text}`),
        );
      return failure;
    },
  };
}
