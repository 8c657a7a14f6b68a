/** Small programs of any behaviour named `docker-credential-<name>`, on the PATH of this process. */
import { readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { temporaryFolder } from "./temporary.ts";

export interface ProgramFolder extends AsyncDisposable {
  readonly path: string;
  /** A shell script that gets the verb as `$1` and the input on its standard input. */
  program(name: string, script: string): Promise<void>;
  /** One that answers `get` with this login, and counts; what it is asked for goes into its log. */
  answering(name: string, username: string, secret: string): Promise<void>;
  /** Lines of `verb input`, of programs that answering() made. */
  log(name: string): Promise<readonly string[]>;
}

/** Until it is disposed, the folder is the first of the PATH. */
export async function programFolder(): Promise<ProgramFolder> {
  const folder = await temporaryFolder();
  const before = process.env.PATH;
  process.env.PATH = `${folder.path}${delimiter}${before}`;
  const file = (name: string): string => join(folder.path, name);
  const program = (name: string, script: string): Promise<void> =>
    writeFile(file(`docker-credential-${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return {
    path: folder.path,
    program,
    async answering(name, username, secret) {
      const answer = JSON.stringify({ ServerURL: "", Username: username, Secret: secret });
      await writeFile(file(`${name}.answer`), answer);
      await program(
        name,
        `echo "$1 $(cat)" >>'${file(`${name}.log`)}'\n[ "$1" = get ] && cat '${file(`${name}.answer`)}'\n:`,
      );
    },
    async log(name) {
      const text = await readFile(file(`${name}.log`), "utf8").catch(() => "");
      return text.split("\n").filter((line) => line !== "");
    },
    async [Symbol.asyncDispose]() {
      process.env.PATH = before;
      await folder[Symbol.asyncDispose]();
    },
  };
}
