/** The log: `15:04:05 [INFO] [M_ID:1] [IMG_ID:2] message`, on standard error. */
import { type ConsolaInstance, createConsola, type LogObject } from "consola";
import { clean } from "../bytes/text.ts";
import type { Terminal } from "./terminal.ts";

/** Where in the list a message belongs: image by number, and platform by number within it. */
export interface Mark {
  readonly image?: number | undefined;
  readonly platform?: number | undefined;
}

export interface Log {
  debug(message: string): void;
  info(message: string, mark?: Mark): void;
  warn(message: string, mark?: Mark): void;
  error(message: string, mark?: Mark): void;
}

const NAMES: Readonly<Record<string, string>> = { debug: "DEBU", info: "INFO", warn: "WARN", error: "ERRO" };
const COLORS: Readonly<Record<string, number>> = { debug: 90, info: 32, warn: 33, error: 31 };

export function createLog(terminal: Terminal, { debug, color }: { debug: boolean; color: boolean }): Log {
  const consola: ConsolaInstance = createConsola({
    level: debug ? 4 : 3,
    throttle: 0,
    reporters: [{ log: (entry) => terminal.line(formatEntry(entry, color)) }],
  });
  return {
    debug: (message) => consola.debug(message, {}),
    info: (message, mark = {}) => consola.info(message, mark),
    warn: (message, mark = {}) => consola.warn(message, mark),
    error: (message, mark = {}) => consola.error(message, mark),
  };
}

function formatEntry({ args: [message, mark], type, date }: LogObject, color: boolean): string {
  const { image, platform } = mark as Mark;
  const level = `[${NAMES[type] ?? "INFO"}]`;
  const parts = [
    date.toTimeString().slice(0, 8),
    color ? `\u001b[${COLORS[type] ?? 0}m${level}\u001b[0m` : level,
    ...(image === undefined ? [] : [`[M_ID:${image}]`]),
    ...(platform === undefined ? [] : [`[IMG_ID:${platform}]`]),
    clean(String(message), 2000),
  ];
  return parts.join(" ");
}
