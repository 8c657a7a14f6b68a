/**
 * `npm run demo`: the main job in a minute. Builds the executable, starts two embedded registries, fills one with sample
 * images, saves them, loads them on the far side, compares every digest, and says what it did.
 */
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { upload } from "../test/support/push.ts";
import { type Artifact, attested, chart, image, layer, multiPlatform } from "../test/support/random-image.ts";
import { build } from "./build.ts";
import { HOST } from "./runtime.ts";

const base = layer("base", 400_000);
const SAMPLES: readonly { readonly name: string; readonly what: string; readonly artifact: Artifact }[] = [
  {
    name: "shop/web:1.4",
    what: "an index of two platforms",
    artifact: multiPlatform(["linux/amd64", "linux/arm64"], { layers: [base, layer("web", 300_000)] }),
  },
  {
    name: "shop/api:2.0",
    what: "a Docker image on the same base",
    artifact: image({ format: "docker", platform: "linux/amd64", layers: [base, layer("api", 250_000)] }),
  },
  {
    name: "tools/builder:edge",
    what: "an index with build attestations",
    artifact: attested(["linux/amd64", "linux/arm64"], { layers: [layer("builder", 200_000)] }),
  },
  { name: "charts/shop:1.2.3", what: "a Helm chart", artifact: chart("shop", "1.2.3") },
];

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Starts `dray serve` in memory; resolves to its host and port once it answers. */
async function startRegistry(dray: string) {
  const child = Bun.spawn([dray, "serve", "--listen", "127.0.0.1:0"], {
    stdout: "pipe",
    stderr: "ignore",
    stdin: "ignore",
  });
  const { value } = await child.stdout.getReader().read();
  return {
    host: new URL(new TextDecoder().decode(value).trim()).host,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

async function run(dray: string, args: readonly string[], cwd: string): Promise<void> {
  say(`\n$ dray ${args.join(" ")}`);
  const child = Bun.spawn([dray, ...args], { cwd, stdout: "inherit", stderr: "inherit", stdin: "ignore" });
  if ((await child.exited) !== 0) throw new Error(`dray ${args[0]} ended with exit code ${child.exitCode}`);
}

async function digestAt(host: string, name: string): Promise<string | null> {
  const [path, tag] = name.split(":");
  const response = await fetch(`http://${host}/v2/${path}/manifests/${tag}`, { method: "HEAD" });
  return response.headers.get("docker-content-digest");
}

async function demo(folder: string): Promise<void> {
  say("Building the executable for this machine");
  const dray = await build(HOST, join(folder, "bin"));
  await using near = await startRegistry(dray);
  await using far = await startRegistry(dray);
  say(`One registry on this side at ${near.host}, an empty one on the far side at ${far.host}\n`);
  for (const { name, what, artifact } of SAMPLES) {
    const [path, tag] = name.split(":") as [string, string];
    await upload(near.host, path, artifact, tag);
    say(`  ${name.padEnd(20)} ${what}`);
  }
  await writeFile(join(folder, "images.txt"), SAMPLES.map(({ name }) => `${near.host}/${name}\n`).join(""));
  await run(dray, ["save", "-f", "images.txt", "-d", "bundle.tar.gz"], folder);
  await run(dray, ["load", "-s", "bundle.tar.gz", "-d", far.host], folder);
  say("\nDigests on both sides");
  for (const { name } of SAMPLES) {
    const [here, there] = await Promise.all([digestAt(near.host, name), digestAt(far.host, name)]);
    if (here === null || here !== there) throw new Error(`${name}: ${here} here, ${there} on the far side`);
    say(`  ${name.padEnd(20)} ${here} the same`);
  }
  const { size } = await stat(join(folder, "bundle.tar.gz"));
  say(
    `\nSaved ${SAMPLES.length} images into one archive of ${(size / 1e6).toFixed(1)} MB, loaded it into an empty registry:`,
  );
  say("every image arrived with the digest that it had, and the layer that images share was stored and sent once.");
}

const folder = await mkdtemp(join(tmpdir(), "dray-demo-"));
try {
  await demo(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
