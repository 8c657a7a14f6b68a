/** Help texts: citty's usage with our examples behind it. */
import { type CommandDef, renderUsage } from "citty";

/** What the user wants, and the command line that does it. */
export type Examples = readonly (readonly [task: string, line: string])[];

/** The help of a command, without colours where `color` is false. */
export async function renderHelp(
  command: CommandDef,
  parent: CommandDef | undefined,
  examples: Examples,
  color: boolean,
): Promise<string> {
  const usage = (await renderUsage(command, parent)).replace(/ +((?:\u001b\[\d+m)*)$/gm, "$1");
  const lines = examples.map(([task, line]) => `  # ${task}\n  ${line}`);
  const text = lines.length === 0 ? usage : `${usage.trimEnd()}\n\nEXAMPLES\n\n${lines.join("\n\n")}`;
  return `${color ? text : text.replace(/\u001b\[\d+m/g, "")}\n`;
}
