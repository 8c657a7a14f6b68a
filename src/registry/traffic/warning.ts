/** Warnings that registries attach to their answers. OCI distribution-spec v1.1 "Warnings". */
import { clean } from "../../bytes/text.ts";
import type { OnEvent } from "../../events.ts";
import type { Transport } from "../wire/exchange.ts";
import type { Traffic } from "./traffic.ts";

/** Characters of the header that are looked at, and of a text that are shown. */
const HEADER_LIMIT = 4096;
const TEXT_LIMIT = 500;
/** Different texts of one host that are told. */
const MOST = 20;

/** The texts of a Warning header, cleaned: `299 - "text"`, several with commas between. Other codes are not for us. */
export function parseWarnings(header: string | null): string[] {
  const found = (header ?? "").slice(0, HEADER_LIMIT).matchAll(/(?:^|,)\s*299 - "((?:[^"\\]|\\.)*)"/g);
  return Array.from(found, ([, text]) => clean(text!.replace(/\\(.)/g, "$1"), TEXT_LIMIT)).filter(Boolean);
}

/** Tells each warning of each host once, as a "warning"; does nothing else about it. */
export function withWarnings(next: Transport, traffic: Traffic, onEvent?: OnEvent): Transport {
  return async (url, exchange) => {
    const response = await next(url, exchange);
    const header = response.headers.get("warning");
    if (header === null) return response;
    const { host } = new URL(url);
    const { warned } = traffic.at(host);
    for (const text of parseWarnings(header)) {
      if (warned.has(text) || warned.size >= MOST) continue;
      warned.add(text);
      onEvent?.({ type: "warning", message: `"${host}" warns: ${text}` });
    }
    return response;
  };
}
