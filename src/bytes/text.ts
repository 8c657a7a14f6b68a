/** Text that came from outside, made safe to show. */

/** ECMA-48 control sequences and operating system commands, then every control, direction and invisible character. */
const SEQUENCES = /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?/g;
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/g;

/** Text from outside on one line of at most `limit` characters. */
export function clean(text: string, limit: number): string {
  const line = text
    .slice(0, 4 * limit + 1000)
    .replace(SEQUENCES, "")
    .replace(CONTROLS, " ")
    .replace(/ {2,}/g, " ")
    .trim();
  return line.length > limit ? `${line.slice(0, limit - 3)}...` : line;
}
