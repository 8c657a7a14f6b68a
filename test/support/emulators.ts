/** Runs executables of other processors: qemu in user mode, from Debian's qemu-user-static. */
import { existsSync } from "node:fs";

/** Debian's libc6-arm64-cross, libgcc-s1-arm64-cross and libstdc++6-arm64-cross put the libraries here. */
const ARM64_ROOT = process.env.DRAY_ARM64_ROOT ?? "/usr/aarch64-linux-gnu";

/** What comes before the command of a linux-arm64 executable; undefined where this machine cannot run one. */
export function arm64Emulator(): string[] | undefined {
  if (process.platform === "linux" && process.arch === "arm64") return [];
  const qemu = Bun.which("qemu-aarch64-static");
  return qemu !== null && existsSync(ARM64_ROOT) ? [qemu, "-L", ARM64_ROOT] : undefined;
}

/** What comes before the command of a linux-x64 executable to run it without AVX and AVX2. */
export function oldX64Emulator(): string[] | undefined {
  const qemu = Bun.which("qemu-x86_64-static");
  return qemu === null ? undefined : [qemu, "-cpu", "Nehalem"];
}

/** Whether a test that lacks a tool must fail rather than be left out: so it is in CI. */
export const toolsRequired = process.env.DRAY_REQUIRE_TOOLS === "1";
