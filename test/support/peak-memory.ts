/** Loaded into the product's process: when it ends, the most memory that it ever took is in the file that DRAY_PEAK names. */
import { readFileSync, writeFileSync } from "node:fs";

process.on("exit", () => {
  const path = process.env.DRAY_PEAK;
  if (path !== undefined) writeFileSync(path, String(peak()));
});

/** Bytes. What resourceUsage() says begins, on Linux, with what the parent took. */
function peak(): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}
