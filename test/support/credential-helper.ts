/** A credential helper as a real executable. docker-credential-helpers' protocol: get, store, erase and list by standard input and output. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface CredentialHelper {
  /** For `PATH`. */
  readonly path: string;
  /** Lines of verb and server, in the order of the calls. */
  calls(): Promise<readonly string[]>;
}

const SCRIPT = String.raw`#!/bin/sh
folder=$(dirname "$0")
input=$(cat)
case $1 in
  store) server=$(printf %s "$input" | sed -n 's/.*"ServerURL" *: *"\([^"]*\)".*/\1/p') ;;
  *) server=$input ;;
esac
echo "$1 $server" >>"$folder/calls"
file="$folder/secrets/$(printf %s "$server" | tr ':/' '__')"
case $1 in
  get)
    if [ -f "$file" ]; then cat "$file"; else echo "credentials not found in native keychain"; exit 1; fi ;;
  store) printf %s "$input" >"$file" ;;
  erase) rm -f "$file" ;;
  list) echo '{}' ;;
  *) echo "unknown verb"; exit 1 ;;
esac
`;

/** Writes `docker-credential-<name>` into a folder that is there; it knows `secrets`, by server, as [username, secret]. */
export async function createHelper(
  folder: string,
  name: string,
  secrets: Readonly<Record<string, readonly [string, string]>> = {},
): Promise<CredentialHelper> {
  await mkdir(join(folder, "secrets"), { recursive: true });
  await writeFile(join(folder, "calls"), "");
  await writeFile(join(folder, `docker-credential-${name}`), SCRIPT, { mode: 0o755 });
  for (const [ServerURL, [Username, Secret]] of Object.entries(secrets))
    await writeFile(
      join(folder, "secrets", ServerURL.replace(/[:/]/g, "_")),
      JSON.stringify({ ServerURL, Username, Secret }),
    );
  return {
    path: `${folder}:/usr/bin:/bin`,
    calls: async () => (await readFile(join(folder, "calls"), "utf8")).split("\n").slice(0, -1),
  };
}
