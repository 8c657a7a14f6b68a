/** A process of its own that uploads random bytes to a registry and prints what became of it: `put-blob.ts HOST BYTES`. */
import { type AppError, RegistryError } from "../../src/errors.ts";
import { openRegistry } from "../../src/registry/registry.ts";
import { part, randomBytes } from "./random-image.ts";

const [host = "", size = "0"] = process.argv.slice(2);
const blob = part("application/octet-stream", randomBytes("put", Number(size)));
const registry = openRegistry(host, { retry: { attempts: 2, delay: 1 }, stall: 5000 });
try {
  await registry.repository("a").put({
    descriptor: blob.descriptor,
    async *open() {
      for (let at = 0; at < blob.bytes.length; at += 65_536) yield blob.bytes.subarray(at, at + 65_536);
    },
  });
  process.stdout.write("done\n");
} catch (error) {
  const { code, message } = error as AppError;
  process.stdout.write(
    error instanceof RegistryError ? `${code} ${error.method} ${error.status}\n` : `${code} ${message}\n`,
  );
}
