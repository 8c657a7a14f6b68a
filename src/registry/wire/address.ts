/** Which hosts belong together, and which of them are inside: the facts that decide where a registry may send us. */
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";

export type Nearness = "public" | "private" | "loopback" | "link-local";

const BLOCKS: readonly [Nearness, BlockList][] = [
  ["loopback", blocks(["127.0.0.0", 8, "ipv4"], ["::1", 128, "ipv6"], ["0.0.0.0", 8, "ipv4"], ["::", 128, "ipv6"])],
  ["link-local", blocks(["169.254.0.0", 16, "ipv4"], ["fe80::", 10, "ipv6"])],
  [
    "private",
    blocks(
      ["10.0.0.0", 8, "ipv4"],
      ["172.16.0.0", 12, "ipv4"],
      ["192.168.0.0", 16, "ipv4"],
      ["100.64.0.0", 10, "ipv4"],
      ["fc00::", 7, "ipv6"],
    ),
  ],
];

function blocks(...subnets: readonly [string, number, "ipv4" | "ipv6"][]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) list.addSubnet(...subnet);
  return list;
}

/** Where a host of a URL is, by its spelling alone: names count as public, except `localhost`. */
export function nearness(hostname: string): Nearness {
  const bare = hostname.replace(/^\[|\]$/g, "");
  if (isIP(bare) === 0) return isLocalName(bare) ? "loopback" : "public";
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(bare);
  const address = mapped ? dotted(Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)) : bare;
  const family = isIP(address) === 4 ? "ipv4" : "ipv6";
  return BLOCKS.find(([, list]) => list.check(address, family))?.[0] ?? "public";
}

function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** Whether a host of a URL is this machine by its spelling: where plain http is harmless. */
export function isLoopback(hostname: string): boolean {
  return nearness(hostname) === "loopback" && hostname !== "0.0.0.0" && hostname !== "[::]";
}

function isLocalName(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost");
}

/** Where a registry is: by the spelling of its host, else by what its name stands for. Never throws. */
export async function registryNearness(hostname: string): Promise<Nearness> {
  const spelt = nearness(hostname);
  if (spelt !== "public" || isIP(hostname.replace(/^\[|\]$/g, "")) !== 0) return spelt;
  try {
    return nearness((await lookup(hostname)).address);
  } catch {
    return "public";
  }
}

/** Suffixes under which every name has another owner. */
const SHARED =
  /(?:^|\.)(?:(?:co|com|net|org|gov|ac|edu|or|ne)\.[a-z]{2}|azurecr\.(?:io|cn)|(?:github|gitlab)\.io|(?:s3|ecr|elb)[a-z0-9.-]*\.amazonaws\.com(?:\.cn)?|amazonaws\.com|cloudfront\.net|(?:appspot|herokuapp|aliyuncs|googleapis|myqcloud|azurewebsites|windows|blob)\.(?:com|net)|(?:pages|workers|r2|web|run)\.(?:dev|app)|duckdns\.org|nip\.io|sslip\.io)$/;

/** Whether two hosts of URLs have one owner: the same name, or names below one registrable domain. A short form of the public suffix list. */
export function isSameSite(a: string, b: string): boolean {
  if (a === b) return true;
  const site = siteOf(a);
  return site !== undefined && site === siteOf(b);
}

function siteOf(hostname: string): string | undefined {
  if (isIP(hostname.replace(/^\[|\]$/g, "")) !== 0) return undefined;
  const labels = hostname.split(".");
  if (labels.length < 2 || isLocalName(hostname)) return undefined;
  for (let from = 0; from < labels.length; from++) {
    const suffix = labels.slice(from).join(".");
    const match = SHARED.exec(suffix);
    if (match && match[0].replace(/^\./, "") === suffix)
      return from === 0 ? undefined : labels.slice(from - 1).join(".");
  }
  return labels.slice(-2).join(".");
}
