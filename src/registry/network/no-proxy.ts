/** Which hosts are reached without a proxy: NO_PROXY as Go reads it (golang.org/x/net/http/httpproxy). */
import { BlockList, isIP } from "node:net";
import { bareHost, dotted, isLoopback, unbracketed } from "../policy/address.ts";

/**
 * Whether `url` is in `list`: `*`, an address, a CIDR block, `domain` (it and what is below), `.domain` or `*.domain` (what
 * is below), all but blocks with an optional `:port`; commas between them. This machine always is.
 */
export function isDirect(url: URL, list: string): boolean {
  if (isLoopback(url.hostname)) return true;
  const host = bareHost(url.hostname);
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list.split(",").some((entry) => covers(entry.trim().toLowerCase(), host, port));
}

function covers(entry: string, host: string, port: string): boolean {
  if (entry === "") return false;
  if (entry === "*") return true;
  const block = /^([0-9a-f:.]+)\/(\d{1,3})$/.exec(entry);
  if (block) return isWithin(host, block[1]!, Number(block[2]));
  const [, name, wanted] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [entry, entry, undefined];
  if (wanted !== undefined && Number(wanted) !== Number(port)) return false;
  const address = unbracketed(name!);
  if (isIP(address) !== 0) return isWithin(host, address, isIP(address) === 4 ? 32 : 128);
  const domain = address.replace(/^\*?\./, "");
  return domain !== "" && (host.endsWith(`.${domain}`) || (host === domain && domain === address));
}

function isWithin(host: string, network: string, prefix: number): boolean {
  const [version, of] = [isIP(host), isIP(network)];
  if (version === 0 || of === 0 || prefix > (of === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, of === 4 ? "ipv4" : "ipv6");
  const address = of === 4 && version === 6 ? unmapped(host) : host;
  return list.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}

/** `::ffff:a00:1`, as URLs have it, as `10.0.0.1`. */
function unmapped(address: string): string {
  const match = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  return match ? dotted(Number.parseInt(match[1]!, 16), Number.parseInt(match[2]!, 16)) : address;
}
