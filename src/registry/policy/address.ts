/** Where a host is, by its spelling alone: this machine, an inner network, or outside. RFC 6890 and the embeddings of IPv4 in IPv6. */
import { BlockList, isIP } from "node:net";

export type Nearness =
  | "public"
  | "private"
  | "loopback"
  /** of one link, of one machine's cloud, or of no machine at all: nothing there is ever a registry */
  | "link-local";

type Subnet = readonly [string, number, "ipv4" | "ipv6"];

/** The first that matches counts: clouds keep secrets at single addresses of private networks. */
const BLOCKS: readonly [Nearness, BlockList][] = [
  [
    "link-local",
    blocks(
      ["169.254.0.0", 16, "ipv4"],
      ["100.100.100.200", 32, "ipv4"],
      ["168.63.129.16", 32, "ipv4"],
      ["192.0.0.0", 24, "ipv4"],
      ["224.0.0.0", 3, "ipv4"],
      ["fe80::", 10, "ipv6"],
      ["ff00::", 8, "ipv6"],
      ["fd00:ec2::254", 128, "ipv6"],
      ["fd20:ce::254", 128, "ipv6"],
    ),
  ],
  ["loopback", blocks(["127.0.0.0", 8, "ipv4"], ["::1", 128, "ipv6"], ["0.0.0.0", 8, "ipv4"], ["::", 128, "ipv6"])],
  [
    "private",
    blocks(
      ["10.0.0.0", 8, "ipv4"],
      ["172.16.0.0", 12, "ipv4"],
      ["192.168.0.0", 16, "ipv4"],
      ["100.64.0.0", 10, "ipv4"],
      ["fc00::", 7, "ipv6"],
      ["fec0::", 10, "ipv6"],
      ["64:ff9b:1::", 48, "ipv6"],
    ),
  ],
];

/** Names under which clouds tell a machine its secrets. */
const METADATA =
  /^(?:metadata|instance-data)$|(?:^|\.)metadata\.(?:google\.internal|goog)$|^instance-data\.ec2\.internal$/;
/** Names that only an inner network knows: one word, and what is set aside for them. */
const INNER = /^[^.]+$|\.(?:internal|local|localdomain|lan|corp|home|intranet|svc|home\.arpa)$/;

function blocks(...subnets: readonly Subnet[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) list.addSubnet(...subnet);
  return list;
}

/** `[::1]` as `::1`; other hosts as they are. */
export function unbracketed(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** A host of a URL in lower case, without brackets, zone and the dot of the root. */
export function bareHost(hostname: string): string {
  return unbracketed(hostname).replace(/%.*$/, "").replace(/\.$/, "").toLowerCase();
}

/** Whether a host of a URL is an address, which no DNS is asked about. */
export function isAddress(hostname: string): boolean {
  return isIP(bareHost(hostname)) !== 0;
}

/**
 * Where a host of a URL is, by its spelling alone. Names count as public, except those that mean this machine, its cloud,
 * or that only an inner network knows. Addresses count for the innermost of what they hold.
 */
export function nearness(hostname: string): Nearness {
  const bare = bareHost(hostname);
  if (isIP(bare) === 0) return ofName(bare);
  if (isIP(bare) === 4) return ofAddress(bare, "ipv4");
  const held = embedded(groupsOf(bare)).map((address) => ofAddress(address, "ipv4"));
  return innermost([ofAddress(bare, "ipv6"), ...held]);
}

/** The one of them that is to be feared most. */
export function innermost(all: readonly Nearness[]): Nearness {
  return (["link-local", "loopback", "private"] as const).find((one) => all.includes(one)) ?? "public";
}

/** Whether a host of a URL is this machine by its spelling: where plain http is harmless. */
export function isLoopback(hostname: string): boolean {
  return nearness(hostname) === "loopback" && hostname !== "0.0.0.0" && hostname !== "[::]";
}

function ofName(name: string): Nearness {
  if (name === "localhost" || name.endsWith(".localhost") || name === "localhost.localdomain") return "loopback";
  if (METADATA.test(name)) return "link-local";
  return INNER.test(name) ? "private" : "public";
}

function ofAddress(address: string, family: "ipv4" | "ipv6"): Nearness {
  return BLOCKS.find(([, list]) => list.check(address, family))?.[0] ?? "public";
}

/** The IPv4 addresses that an IPv6 address may lead to: mapped, translated, compatible, NAT64, ISATAP, 6to4, Teredo. */
function embedded(groups: readonly number[]): string[] {
  const [a, b, c, d, e, f, high, low] = groups as [number, number, number, number, number, number, number, number];
  const isZero = a === 0 && b === 0 && c === 0 && d === 0;
  const isTail =
    (isZero && ((e === 0 && (f === 0xffff || (f === 0 && (high > 0 || low > 1)))) || (e === 0xffff && f === 0))) ||
    (a === 0x64 && b === 0xff9b) ||
    ((e === 0 || e === 0x200) && f === 0x5efe);
  if (isTail) return [dotted(high, low)];
  if (a === 0x2002) return [dotted(b, c)];
  if (a === 0x2001 && b === 0) return [dotted(c, d), dotted(high ^ 0xffff, low ^ 0xffff)];
  return [];
}

/** The eight groups of an IPv6 address, however it is written. */
function groupsOf(address: string): number[] {
  const canonical = bareHost(new URL(`http://[${address}]/`).hostname);
  const [left = "", right] = canonical.split("::");
  const before = left.split(":").filter(Boolean);
  const after = (right ?? "").split(":").filter(Boolean);
  const gap = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...gap, ...after].map((group) => Number.parseInt(group, 16));
}

/** Two groups of an IPv6 address as an IPv4 address. */
export function dotted(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
