#!/usr/bin/env bun
/** From the command line to an exit code. */
import { VERSION } from "./version.ts";

const argv = process.argv.slice(2);
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-v")) process.stdout.write(`${VERSION}\n`);
else {
  const { runRoot } = await import("./cli/root.ts");
  await runRoot(argv);
}
