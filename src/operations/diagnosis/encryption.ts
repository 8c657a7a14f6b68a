/** Whether others can listen: https or http, and whom TLS trusts. */
import { isLoopback } from "../../registry/policy/address.ts";
import type { Finding } from "./finding.ts";

/** Of the origin that a registry was found at. */
export function describeEncryption({ protocol, hostname }: URL, isVerified: boolean): Finding {
  const check = "encryption";
  if (protocol === "https:" && isVerified) return { check, state: "ok", said: "https, and certificates are checked" };
  if (protocol === "https:") {
    const said = "https, but --tls-verify=false takes any certificate: everybody on the way can be the registry";
    return { check, state: "warning", said, advice: "use --ca-file with the registry's certificate authority" };
  }
  if (isLoopback(hostname)) return { check, state: "ok", said: "plain http, within this machine" };
  const said = "plain http: everybody on the way can read and change what moves, and read the credentials";
  return { check, state: "warning", said, advice: "give the registry a certificate" };
}

/** From where the authorities come that are trusted, as the client told. */
export function describeTrust(sources: readonly string[]): Finding {
  const check = "trust";
  if (sources.length === 0) return { check, state: "ok", said: "what the runtime brings" };
  return { check, state: "ok", said: sources.map(shorten).join("; ") };
}

/** `TLS trusts <place>: 3 certificates, 1 of them new` without what only matters to debuggers. */
function shorten(line: string): string {
  return line.replace(/^TLS trusts /, "").replace(/, \d+ of them new$/, "");
}
