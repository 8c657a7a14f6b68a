/** What a scripted host answers, faults and all. */
import { STATUS_CODES } from "node:http";
import { type Bytes, encode } from "../../src/bytes/stream.ts";
import type { RawConnection, RawRequest } from "./raw-server.ts";
import { isLike, type Line } from "./scripted-line.ts";

export interface Extras {
  /** The body that the request must have; in a text `…` stands for anything. Default: none. */
  readonly sent?: string | Bytes;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: string | Bytes | object;
  /** Cuts the connection after that many bytes of the body; where the line says `cut`, of the request's body. */
  readonly cut?: number;
  /** Sends that many bytes of the body, then nothing more. */
  readonly silent?: number;
  /** No Content-Length: the end of the connection is the end of the body. */
  readonly unmeasured?: true;
  /** Answers before the request's body is read, and leaves it unread. */
  readonly early?: true;
  /** Told what came of the request's body, all of it or not. */
  readonly onBody?: (body: Bytes) => void;
  /** Answers only when this resolves. */
  readonly when?: Promise<unknown>;
}

/** Answers as a line says. True where the connection may serve another request. */
export async function answer(
  status: Line["answer"],
  headers: Line["headers"],
  extras: Extras,
  request: RawRequest,
  connection: RawConnection,
): Promise<boolean> {
  const { cut, silent, unmeasured, early, onBody, when } = extras;
  const body = early ? undefined : await request.body(status === "cut" ? cut : undefined);
  if (body) onBody?.(body);
  await Promise.race([when, connection.gone]);
  if (status === "cut") {
    connection.cut();
    return false;
  }
  if (status === "silence") {
    await connection.gone;
    return false;
  }
  const { bytes, type } = bodyOf(extras);
  const hasBody = request.method !== "HEAD" && status !== 204 && status !== 304;
  const closes = unmeasured === true || early === true;
  const lines = [...headers, ...Object.entries(extras.headers ?? {})];
  const has = (name: string): boolean => lines.some(([one]) => one.toLowerCase() === name);
  if (type !== undefined && !has("content-type")) lines.push(["content-type", type]);
  if (!unmeasured && !has("content-length") && status !== 204) lines.push(["content-length", String(bytes.length)]);
  if (closes) lines.push(["connection", "close"]);
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "?"}`, ...lines.map((pair) => pair.join(": ")), "", ""];
  await connection.write(encode(head.join("\r\n")));
  if (hasBody) await connection.write(bytes.slice(0, cut ?? silent));
  if (silent !== undefined) await connection.gone;
  else if (cut !== undefined) await arrived().then(() => connection.cut());
  else if (closes) connection.end();
  return !closes && silent === undefined && cut === undefined;
}

/** Some turns of the event loop, in which the client, in the same process, takes what was sent: a cut may undo it. */
async function arrived(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 4));
}

function bodyOf({ body = "" }: Extras): { bytes: Bytes; type?: string } {
  if (typeof body === "string") return { bytes: encode(body) };
  if (body instanceof Uint8Array) return { bytes: body as Bytes };
  return { bytes: encode(JSON.stringify(body)), type: "application/json" };
}

/** How the body of a request differs from what it must be; undefined where it does not. Reads it, where it is to be read. */
export async function bodyProblem(
  request: RawRequest,
  status: Line["answer"],
  { sent = "", early }: Extras,
): Promise<string | undefined> {
  if (early || status === "cut") return undefined;
  const body = Buffer.from(await request.body());
  const isRight = typeof sent === "string" ? isLike(body.toString(), sent) : body.equals(sent);
  if (isRight) return undefined;
  const show = (bytes: Uint8Array | string): string =>
    bytes.length <= 200 ? JSON.stringify(bytes.toString()) : `${bytes.length} bytes`;
  return `the body of ${request.method} ${request.target} is ${show(body)}, not ${show(sent)}`;
}
