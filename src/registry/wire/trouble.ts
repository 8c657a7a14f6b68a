/** What kind of trouble a failed exchange was, from the words of Bun, Node and Deno, which share no codes. */
import { AppError, reasonOf } from "../../errors.ts";

export type Trouble =
  /** nobody listens there */
  | "unreachable"
  /** nobody could be asked for the name */
  | "unasked"
  /** there is no such name */
  | "nameless"
  /** the certificate was refused: asking again gets the same one */
  | "certificate"
  /** the other side does not speak TLS */
  | "not-tls"
  /** a proxy says no: it will again */
  | "proxy"
  /** cut, stalled, reset: worth another try */
  | "broken";

/** A failure before the registry was reached: of the proxy in front of it, or told by that. */
export class ProxyError extends Error {
  override readonly name = "ProxyError";
  readonly trouble: Trouble;

  constructor(trouble: Trouble, message: string, cause?: unknown) {
    super(message, { cause });
    this.trouble = trouble;
  }
}

const CERTIFICATE =
  /certificate|\bCERT\b|_CERT|CERT_|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|UnknownIssuer|CaUsedAsEndEntity/i;
const NOT_TLS = /\bEPROTO\b|InvalidContentType|InvalidMessage|WRONG_VERSION_NUMBER|wrong version number/i;
/** getaddrinfo's EAI_NONAME and EAI_NODATA, as the runtimes and the systems spell them. */
const NAMELESS =
  /ENOTFOUND|Name or service not known|nodename nor servname|No address associated|No such host is known/i;
const UNASKED = /EAI_AGAIN|dns error/i;
const UNREACHABLE = /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|connection refused|ConnectionRefused/i;
/** A connection that ended too early, in the words of Bun, Node and Deno. */
const CUT = /socket connection was closed unexpectedly|socket hang up|connection closed before message completed/;

/** The kind of a thrown network error. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof ProxyError) return error.trouble;
  const text = wordsOf(error).join(" ");
  if (CERTIFICATE.test(text)) return "certificate";
  if (NOT_TLS.test(text)) return "not-tls";
  if (NAMELESS.test(text)) return "nameless";
  if (UNASKED.test(text)) return "unasked";
  return UNREACHABLE.test(text) ? "unreachable" : "broken";
}

/** Whether nobody was reached: no name, no address, or no answer to a connection. */
export function isUnreached(trouble: Trouble): boolean {
  return trouble === "unreachable" || trouble === "nameless" || trouble === "unasked";
}

/** One line that says why the network failed, for people. */
export function networkReason(error: unknown): string {
  if (error instanceof ProxyError) return error.message;
  const text = wordsOf(error).at(-1) ?? reasonOf(error);
  const said = /dns error: .*|tcp connect error: .*|received corrupt message.*/.exec(text)?.[0];
  switch (troubleOf(error)) {
    case "nameless":
      return "its name is not known";
    case "unasked":
      return "its name cannot be looked up now";
    case "unreachable":
      return "nobody answers";
    case "certificate":
      return certificateReason(wordsOf(error).join(" "));
    case "not-tls":
      return "it does not speak TLS";
    default:
      if (CUT.test(text)) return "the connection was cut";
      // Bun explains how to debug it, which is of no use to a user.
      return (
        said ??
        text
          .replace(/^E[A-Z]+: /, "")
          .replace(/ For more information.*$/s, "")
          .replace(/\.$/, "")
      );
  }
}

/** What the user can do about it. */
export function networkHint(error: unknown, host: string): string | undefined {
  if (error instanceof ProxyError) return "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY";
  switch (troubleOf(error)) {
    case "certificate":
      return certificateHint(wordsOf(error).join(" "), host);
    case "not-tls":
      return "use --tls-verify=false for a registry that speaks plain http";
    case "nameless":
      return "check the name";
    case "unreachable":
    case "unasked":
      return "check the name and the network";
    default:
      return undefined;
  }
}

function certificateHint(words: string, host: string): string {
  if (isAlert(words)) return clientCertificateHint(host);
  const unchecked = "--tls-verify=false takes any certificate";
  if (!UNKNOWN_AUTHORITY.test(words)) return unchecked;
  return `give its authority with --ca-file, or as certs.d/${host}/ca.crt; ${unchecked}`;
}

/** Where the certificate comes from that a host wants of us. */
export function clientCertificateHint(host: string): string {
  return `put its .cert and .key into a folder certs.d/${host}, as for docker and podman`;
}

/** Whether it is the other side that refuses. */
function isAlert(words: string): boolean {
  return /alert/i.test(words);
}

const UNKNOWN_AUTHORITY =
  /SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|UnknownIssuer|CaUsedAsEndEntity|unable to (?:get|verify)/;

const CERTIFICATE_REASONS: readonly [RegExp, string][] = [
  [/CERT_HAS_EXPIRED|certificate (?:has )?expired/i, "it has expired"],
  [
    /CERT_NOT_YET_VALID|not (?:yet valid|valid yet)|not valid before/i,
    "it is not valid yet, or the clock here is wrong",
  ],
  [/CaUsedAsEndEntity|DEPTH_ZERO_SELF_SIGNED/, "it is signed by itself"],
  [UNKNOWN_AUTHORITY, "its authority is unknown here"],
];

/** Why a certificate did not do: ours, where the other side refused it, else the other side's. */
function certificateReason(words: string): string {
  if (isAlert(words))
    return /required/i.test(words) ? "it wants a client certificate" : "it refuses our client certificate";
  if (/ALTNAME_INVALID|not valid for name/i.test(words)) return `its certificate is not for this name${namesIn(words)}`;
  const [, reason] = CERTIFICATE_REASONS.find(([pattern]) => pattern.test(words)) ?? [];
  const said = /invalid peer certificate: .*/.exec(words)?.[0] ?? words;
  return `its certificate is not trusted: ${reason ?? said}`;
}

function namesIn(words: string): string {
  const listed = /altnames: (?!Host)([^;]*)$|only valid for (.*)$/.exec(words);
  const names = [...(listed?.[0] ?? "").matchAll(/(?:DNS:|IP Address:|DnsName\("|IpAddress\()([\w.*:-]+)/g)];
  return names.length > 0 ? `, but for ${names.map(([, name]) => name).join(", ")}` : "";
}

function wordsOf(error: unknown): string[] {
  const words: string[] = [];
  for (let one: unknown = error; one instanceof Error && words.length < 8; one = one.cause) {
    const { code } = one as { code?: unknown };
    words.push(
      typeof code === "string" && !(one instanceof AppError) && !one.message.includes(code)
        ? `${code} ${reasonOf(one)}`
        : reasonOf(one),
    );
  }
  return words;
}
