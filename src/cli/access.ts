/** How a run reaches its registries: who it is there, whom it trusts, which proxies it uses, what it allows itself. */
import { AppError } from "../errors.ts";
import { isRegistry } from "../oci/reference.ts";
import { createTraffic, type Traffic } from "../registry/traffic/traffic.ts";
import type { Call } from "../store/store.ts";
import { type CredentialFlags, type Keychains, openKeychains, type Side, type SideName } from "./credentials.ts";
import { JOBS } from "./jobs.ts";
import { type LimitFlags, parseLimits } from "./limits.ts";
import type { Log } from "./log.ts";
import { type Network, openNetwork } from "./network.ts";

/** The flags of `registryArgs` and of those sides that a command has. */
export interface AccessFlags extends CredentialFlags, LimitFlags {
  readonly "tls-verify": boolean;
  readonly "src-tls-verify"?: boolean;
  readonly "dest-tls-verify"?: boolean;
  readonly "ca-file"?: string | undefined;
  readonly "trusted-realm"?: string | undefined;
}

export interface Access {
  readonly keychains: Keychains;
  readonly network: Network;
  readonly traffic: Traffic;
  /** Token servers that may see credentials, wherever they are. */
  readonly trustedRealms: readonly string[];
  /** Certificates are checked. */
  readonly verified: Readonly<Record<SideName, boolean>>;
}

export interface AccessOptions extends Call {
  /** The registries that images come from. */
  readonly source?: Side;
  /**
   * The registries that images go to; where there are any, `--username` is for them unless `--source` is what a command is
   * about.
   */
  readonly destination?: Side;
  /** Of `--jobs`. Default 6. */
  readonly jobs?: number | undefined;
  /** Standard input is the list. */
  readonly isInputTaken: boolean;
  readonly log: Log;
}

/** The hosts of `--trusted-realm`. Throws USAGE. */
export function parseRealms(text: string | undefined): readonly string[] {
  const hosts = (text ?? "").split(",").filter(Boolean);
  for (const host of hosts)
    if (!isRegistry(host)) throw new AppError("USAGE", `Cannot use "${host}" as --trusted-realm: expected HOST[:PORT]`);
  return hosts;
}

/** Reads flags and environment; asks for a password where one is missing and a terminal is there. Throws USAGE. */
export async function openAccess(
  flags: AccessFlags,
  { source, destination, jobs = JOBS, isInputTaken, log, signal }: AccessOptions,
): Promise<Access> {
  const trustedRealms = parseRealms(flags["trusted-realm"]);
  const traffic = createTraffic(parseLimits(flags, jobs));
  const network = await openNetwork({
    caFile: flags["ca-file"],
    env: process.env,
    onDetail: log.debug,
    onWarning: log.warn,
  });
  const keychains = await openKeychains(flags, {
    about: destination ? "destination" : "source",
    source,
    destination,
    isInputTaken,
    env: { ...process.env, ...network.variables },
    onWarning: log.warn,
    signal,
  });
  const verified = {
    source: flags["tls-verify"] && flags["src-tls-verify"] !== false,
    destination: flags["tls-verify"] && flags["dest-tls-verify"] !== false,
  };
  return { keychains, network, traffic, trustedRealms, verified };
}
