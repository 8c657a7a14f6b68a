/** Credentials on lines that everybody can read: plain http. */
import { AppError } from "../../errors.ts";
import { isLoopback } from "../policy/address.ts";
import type { Identity } from "./identity.ts";

/**
 * Credentials cross an open line only to this machine, or where somebody named this very host. Throws DENIED elsewhere: also
 * for a token that is got over https and then sent in the open.
 */
export function forbidOpenLine(host: string, { named, origin }: Identity, ...urls: readonly string[]): void {
  const isOpen = urls.map((url) => new URL(url)).some((url) => url.protocol === "http:" && !isLoopback(url.hostname));
  if (!isOpen || named) return;
  const reason = `it speaks plain http, where everybody on the way could read the credentials from ${origin}`;
  throw new AppError("DENIED", `Cannot log in at "${host}": ${reason}`, {
    hint: `if that is all right, log in to this very host with dray login ${host}`,
  });
}
