/** Whether two hosts have one owner, by their names: a short form of the public suffix list. */
import { bareHost, isAddress, nearness } from "./address.ts";

/** Suffixes right below which every name has another owner. */
const SHARED = new RegExp(
  `^(?:${[
    "(?:ac|ad|co|com|ed|edu|gen|go|gob|gouv|gov|govt|gr|id|in|ind|info|lg|ltd|me|mil|ne|net|nhs|nom|or|org|plc|sch|web)\\.[a-z]{2}",
    "azurecr\\.(?:io|cn|us)",
    "(?:github|gitlab|codeberg|jfrog|ngrok|cloudsmith)\\.io",
    "(?:gitea|harbor)\\.cloud",
    "(?:appspot|herokuapp|firebaseapp|onrender|githubusercontent)\\.com",
    "(?:pages|workers|r2|web|fly|vercel|netlify|deno|ondigitalocean|ngrok-free)\\.(?:dev|app)",
    "(?:duckdns\\.org|nip\\.io|sslip\\.io|xip\\.io|traefik\\.me|ts\\.net)",
  ].join("|")})$`,
);
/** Suffixes below which names have owners at any depth: nothing there belongs to anything else. */
const LONERS = new RegExp(
  `(?:^|\\.)(?:${[
    "amazonaws\\.com(?:\\.cn)?|aws|cloudfront\\.net",
    "azure\\.(?:com|net|cn)|windows\\.net|azureedge\\.net|azurefd\\.net|azurewebsites\\.net|trafficmanager\\.net",
    "aliyuncs\\.com|myqcloud\\.com|tencentcs\\.com|myhuaweicloud\\.com|oraclecloud\\.com|ocir\\.io|appdomain\\.cloud",
    "googleapis\\.com|googleusercontent\\.com|run\\.app|akamaized\\.net|fastly\\.net|cloudflarestorage\\.com",
    "digitaloceanspaces\\.com|backblazeb2\\.com|wasabisys\\.com|cluster\\.local|svc",
  ].join("|")})$`,
);

/**
 * Whether two hosts of URLs have one owner: the same name, or names below one registrable domain, or below one such name of an
 * inner network (`acme.internal`). Addresses, names of one word, and this machine's belong to nobody but themselves.
 */
export function isSameSite(a: string, b: string): boolean {
  if (bareHost(a) === bareHost(b)) return true;
  const site = siteOf(a);
  return site !== undefined && site === siteOf(b);
}

function siteOf(hostname: string): string | undefined {
  const bare = bareHost(hostname);
  const labels = bare.split(".");
  if (isAddress(bare) || labels.length < 2 || labels.includes("") || LONERS.test(bare)) return undefined;
  if (nearness(bare) === "loopback" || nearness(bare) === "link-local") return undefined;
  for (let from = 0; from < labels.length - 1; from++) {
    if (SHARED.test(labels.slice(from).join("."))) return from === 0 ? undefined : labels.slice(from - 1).join(".");
  }
  return labels.slice(-2).join(".");
}
