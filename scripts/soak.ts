/**
 * `npm run soak [COUNT] [SEED]`: saves and loads through a registry that cuts, stalls and refuses a fifth of all requests,
 * 200 of each by default. Fails for a wrong byte, for a run that had tries left and lost an image, and for more than 1 % lost.
 */
import { type SoakRun, soak } from "../test/support/soak.ts";

const [count = 200, seed = 1] = process.argv.slice(2).map(Number);
const runs: SoakRun[] = [];
function onRun(run: SoakRun): void {
  runs.push(run);
  const { kind, images, arrived, faults, requests, failed } = run;
  process.stdout.write(
    `${kind} ${run.seed}: ${arrived} of ${images} images, ${faults} of ${requests} requests failed\n`,
  );
  for (const name of failed) process.stdout.write(`  ${name}\n`);
}

await soak({ seed, count, onRun });
const wanted = runs.reduce((sum, { images }) => sum + images, 0);
const arrived = runs.reduce((sum, run) => sum + run.arrived, 0);
const broken = runs.filter(({ isWithinBudget, failed }) => isWithinBudget && failed.length > 0);
process.stdout.write(`${arrived} of ${wanted} images arrived in ${runs.length} runs\n`);
for (const { kind, seed: its } of broken) process.stdout.write(`${kind} ${its} failed with tries left\n`);
if (broken.length > 0 || arrived < 0.99 * wanted) process.exitCode = 1;
