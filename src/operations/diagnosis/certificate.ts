/**
 * The certificate that a registry shows: for whom it is, by whom, and for how long. Whether it is trusted is the client's
 * to say.
 */
import { isIP, type Socket } from "node:net";
import { connect, type PeerCertificate } from "node:tls";
import type { HttpProxy } from "../../registry/network/proxy.ts";
import type { TlsMaterial } from "../../registry/network/tls.ts";
import { openTunnel } from "../../registry/network/tunnel.ts";
import { bareHost } from "../../registry/policy/address.ts";
import type { Call } from "../../store/store.ts";
import type { Finding } from "./finding.ts";

/** Milliseconds for the whole greeting. */
const PATIENCE = 3000;
const DAY = 86_400_000;
/** Days before its end when a certificate should be renewed. */
const SOON = 14;

export interface Contact extends Call {
  readonly proxy: HttpProxy | undefined;
  /** undefined: what the runtime trusts. */
  readonly tls: TlsMaterial | undefined;
}

/** What is to be said of the certificate at an https URL; undefined where there was none to see. Never throws. */
export async function examineCertificate(target: URL, contact: Contact): Promise<Finding | undefined> {
  const shown = await readCertificate(target, contact).catch(() => undefined);
  return shown?.valid_to === undefined ? undefined : describe(shown);
}

/**
 * Greets and leaves: nothing is said over the connection, so that a certificate that nobody trusts may be looked at as
 * well.
 */
async function readCertificate(target: URL, { proxy, tls, signal }: Contact): Promise<PeerCertificate | undefined> {
  const limit = AbortSignal.timeout(PATIENCE);
  const until = signal ? AbortSignal.any([signal, limit]) : limit;
  const host = bareHost(target.hostname);
  const port = Number(target.port || 443);
  const authority = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const tunnel = proxy && (await openTunnel(proxy, authority, { ca: tls?.all, signal: until }));
  return greet(host, port, tls, tunnel, until);
}

function greet(
  host: string,
  port: number,
  tls: TlsMaterial | undefined,
  tunnel: Socket | undefined,
  signal: AbortSignal,
): Promise<PeerCertificate | undefined> {
  return new Promise((resolve) => {
    const socket = connect({
      ...(tunnel ? { socket: tunnel } : { port }),
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(tls && tls.added.length > 0 ? { ca: tls.all } : {}),
      rejectUnauthorized: false,
    });
    function end(): void {
      signal.removeEventListener("abort", end);
      resolve(peerOf(socket));
      socket.destroy();
    }
    signal.addEventListener("abort", end, { once: true });
    socket.on("secureConnect", end);
    // Who wants a certificate of ours has shown its own before.
    socket.on("error", end);
    socket.on("close", end);
  });
}

function peerOf(socket: ReturnType<typeof connect>): PeerCertificate | undefined {
  try {
    return socket.getPeerCertificate();
  } catch {
    return undefined;
  }
}

function describe({ subject, issuer, valid_from, valid_to }: PeerCertificate): Finding {
  const check = "certificate";
  const name = nameOf(subject);
  const by = nameOf(issuer);
  const whose = `${name === by ? `of "${name}", signed by itself` : `of "${name}", issued by "${by}"`}`;
  const [from, until] = [new Date(valid_from), new Date(valid_to)];
  const days = Math.floor((until.getTime() - Date.now()) / DAY);
  if (from.getTime() > Date.now()) {
    const said = `${whose}, valid only from ${dayOf(from)}`;
    return { check, state: "warning", said, advice: "check the clock of this machine, and that of who issued it" };
  }
  if (until.getTime() < Date.now())
    return { check, state: "warning", said: `${whose}, ended on ${dayOf(until)}`, advice: "renew it at the registry" };
  const said = `${whose}, valid until ${dayOf(until)} (${days === 1 ? "1 day" : `${days} days`})`;
  return days < SOON
    ? { check, state: "warning", said, advice: "renew it at the registry soon: runs fail when it has ended" }
    : { check, state: "ok", said };
}

function nameOf(name: PeerCertificate["subject"] | undefined): string {
  const said = name?.CN ?? name?.O ?? name?.OU;
  return (Array.isArray(said) ? said[0] : said) ?? "nobody";
}

function dayOf(date: Date): string {
  return Number.isNaN(date.getTime()) ? "an unknown day" : date.toISOString().slice(0, 10);
}
