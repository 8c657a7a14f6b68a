/** A registry of uploads with habits of its own: what it refuses, keeps and answers is up to the test. OCI distribution-spec v1.1 "Pushing blobs". */
import { type ByteStream, type Bytes, concat } from "../../src/bytes/stream.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { openRegistry } from "../../src/registry/registry.ts";
import { listen } from "../../src/serve/listen.ts";
import type { Content, Sink } from "../../src/store/store.ts";
import type { Part } from "./random-layer.ts";

export interface Asked {
  readonly method: string;
  /** `/2?step=1`: which session, and how many requests of it came before. */
  readonly at: string;
  readonly length: number;
  readonly range: string | null;
}

export interface Habits {
  /** Answers instead of the registry; the body is read before, and lost. */
  readonly answer?:
    | ((asked: Asked, received: Bytes) => Response | undefined | Promise<Response | undefined>)
    | undefined;
  /** How many bytes of a PATCH are kept. */
  readonly keep?: (asked: Asked, received: Bytes) => number;
  readonly minimum?: number;
  readonly patched?: number;
  readonly created?: number;
}

export interface OddRegistry extends AsyncDisposable {
  readonly sink: Sink;
  readonly log: Asked[];
  readonly blobs: Map<string, Bytes>;
  /** `POST PUT`: the methods since the last call, without looking for blobs. */
  methods(): string;
}

/** A registry with habits, whose every answer names a new Location; requests to an older one are refused. */
export async function startOddRegistry(habits: Habits = {}): Promise<OddRegistry> {
  const log: Asked[] = [];
  const blobs = new Map<string, Bytes>();
  const sessions: { bytes: Bytes; step: number; open: boolean }[] = [];
  const server = await listen(async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const [, id] = /uploads\/(\d+)$/.exec(pathname) ?? [];
    const received = await bytesOf(request);
    const range = request.headers.get("content-range");
    const step = searchParams.get("step");
    const asked = { method: request.method, at: `/${id}?step=${step}`, length: received.length, range };
    if (request.method === "HEAD")
      return new Response(null, { status: blobs.has(pathname.split("/").at(-1)!) ? 200 : 404 });
    if (pathname === "/v2/") return new Response();
    log.push(asked);
    const answer = await habits.answer?.(asked, received);
    if (answer) return answer;
    const session = id === undefined ? { bytes: new Uint8Array(), step: 0, open: true } : sessions[Number(id)]!;
    if (request.method === "POST") sessions.push(session);
    else if (!session.open || Number(step) !== session.step) return refuse(404, "BLOB_UPLOAD_UNKNOWN");
    const headers = (): Record<string, string> => ({
      location: `/v2/a/blobs/uploads/${sessions.indexOf(session)}?step=${session.step}`,
      range: `0-${Math.max(0, session.bytes.length - 1)}`,
      ...(habits.minimum ? { "oci-chunk-min-length": String(habits.minimum) } : {}),
    });
    switch (request.method) {
      case "POST":
        return new Response(null, { status: 202, headers: headers() });
      case "GET":
        return new Response(null, { status: 204, headers: headers() });
      case "PATCH":
        if (range !== null && Number(range.split("-")[0]) !== session.bytes.length) return refuse(416, "RANGE_INVALID");
        session.bytes = concat([session.bytes, received.subarray(0, habits.keep?.(asked, received) ?? Infinity)]);
        session.step++;
        return new Response(null, { status: habits.patched ?? 202, headers: headers() });
      case "PUT": {
        const all = concat([session.bytes, received]);
        session.open = false;
        const digest = searchParams.get("digest")!;
        if (digestOf(all) !== digest) return refuse(400, "DIGEST_INVALID");
        blobs.set(digest, all);
        return new Response(null, { status: habits.created ?? 201 });
      }
      default:
        session.open = false;
        return new Response(null, { status: 204 });
    }
  });
  const sink = openRegistry(`127.0.0.1:${server.port}`, { retry: { attempts: 3, delay: 1, maximum: 2 } });
  return {
    sink: sink.repository("a"),
    log,
    blobs,
    methods: () =>
      log
        .splice(0)
        .map(({ method }) => method)
        .join(" "),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

async function bytesOf(request: Request): Promise<Bytes> {
  const chunks: Bytes[] = [];
  if (request.body) for await (const chunk of request.body as unknown as ByteStream) chunks.push(chunk);
  return concat(chunks);
}

/** A refusal with these codes. */
export function refuse(status: number, ...codes: readonly string[]): Response {
  return Response.json({ errors: codes.map((code) => ({ code, message: "no" })) }, { status });
}

/** A registry, or a proxy before it, that takes requests of at most `most` bytes. */
export function limited(most: number): Habits["answer"] {
  return ({ length }) => (length > most ? refuse(413) : undefined);
}

/** The part in pieces, as a file or a connection gives it. */
export function pieces({ descriptor, bytes }: Part, fields: Partial<Content> = {}): Content {
  return {
    descriptor,
    ...fields,
    async *open({ start = 0 } = {}): ByteStream {
      for (let at = start; at < bytes.length; at += 70_000) yield bytes.subarray(at, at + 70_000);
    },
  };
}
