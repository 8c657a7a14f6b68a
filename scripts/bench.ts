/**
 * Measures Dray beside other tools: `npm run bench` runs every benchmark, `npm run bench -- save load` those named;
 * `--rounds 5` repeats each side five times (default 3), `--dray PATH` measures another executable than that of dist/,
 * `--layers 4` makes the archive contest small, to try it. Debian's docker-registry, skopeo, pigz, zstd and curl must be there.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { CONTESTS, openLarge, type Source } from "./bench/contests.ts";
import { type Row, table } from "./bench/rounds.ts";
import { openWorkplace } from "./bench/workplace.ts";
import { build } from "./build.ts";
import { HOST } from "./runtime.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    dray: { type: "string" },
    layers: { type: "string", default: "48" },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(CONTESTS);
const unknown = names.find((name) => CONTESTS[name] === undefined);
if (unknown !== undefined) throw new Error(`Cannot run "${unknown}": there are ${Object.keys(CONTESTS).join(", ")}`);
const [rounds, layers] = [Number(values.rounds), Number(values.layers)];
for (const number of [rounds, layers])
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`Cannot count to "${number}": give a number`);
for (const tool of ["docker-registry", "skopeo", "pigz", "zstd", "curl", "tar"])
  if (Bun.which(tool) === null) throw new Error(`Cannot compare: ${tool} is not installed`);

const dist = join(dirname(import.meta.dirname), "dist");
const executable = join(dist, `dray-${HOST}`);
const dray = values.dray ?? (existsSync(executable) ? executable : await build(HOST, dist));
await using place = openWorkplace();
let source: Promise<Source> | undefined;
const large = (): Promise<Source> => (source ??= openLarge(place));

const rows: Row[] = [];
for (const name of names) {
  process.stderr.write(`${name}\n`);
  try {
    rows.push(...(await CONTESTS[name]!({ place, dray, rounds, layers, large })));
  } catch (error) {
    process.stderr.write(`${String(error)}\n`);
    rows.push({ what: name, found: "failed", asked: "an end", met: false });
  }
}
process.stdout.write(table(rows));
if (rows.some(({ met }) => !met)) process.exitCode = 1;
