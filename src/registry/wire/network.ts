/** What kind of trouble a failed exchange was, from the words of Bun, Node and Deno, which share no codes. */
import { AppError, reasonOf } from "../../errors.ts";

export type Trouble =
  /** nobody listens there, or nobody knows the name */
  | "unreachable"
  /** the certificate was refused: asking again gets the same one */
  | "certificate"
  /** the other side does not speak TLS */
  | "not-tls"
  /** cut, stalled, reset: worth another try */
  | "broken";

const CERTIFICATE =
  /certificate|\bCERT\b|_CERT|CERT_|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|UnknownIssuer|CaUsedAsEndEntity/i;
const NOT_TLS = /\bEPROTO\b|InvalidContentType|InvalidMessage|WRONG_VERSION_NUMBER|wrong version number/i;
const UNREACHABLE =
  /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|connection refused|dns error|ConnectionRefused/i;

/** The kind of a thrown network error. */
export function troubleOf(error: unknown): Trouble {
  const text = wordsOf(error).join(" ");
  if (CERTIFICATE.test(text)) return "certificate";
  if (NOT_TLS.test(text)) return "not-tls";
  return UNREACHABLE.test(text) ? "unreachable" : "broken";
}

/** One line that says why the network failed, for people. */
export function networkReason(error: unknown): string {
  const text = wordsOf(error).at(-1) ?? reasonOf(error);
  const said = /dns error: .*|tcp connect error: .*|invalid peer certificate: .*|received corrupt message.*/.exec(
    text,
  )?.[0];
  switch (troubleOf(error)) {
    case "unreachable":
      return /ENOTFOUND|EAI_AGAIN|dns error/.test(wordsOf(error).join(" "))
        ? "its name is not known"
        : "nobody answers";
    case "certificate":
      return `its certificate is not trusted (${said ?? text})`;
    case "not-tls":
      return "it does not speak TLS";
    case "broken":
      // Bun explains how to debug it, which is of no use to a user.
      return said ?? text.replace(/^E[A-Z]+: /, "").replace(/ For more information.*$/s, "");
  }
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
