/** What a registry was given to the end, written down before the registry itself looks at it. */
import { createHash } from "node:crypto";
import { type Bytes, concat } from "../../src/bytes/stream.ts";
import type { Handler } from "./registry.ts";

/** A whole blob or manifest, as its sender meant it. */
export interface Received {
  /** The digest or tag that it was sent under. */
  readonly reference: string;
  /** The digest that it has. */
  readonly digest: string;
}

/** Passes requests on, and adds to `received` whatever was given whole. A body that was cut off is passed to nobody. */
export function receiving(handler: Handler, received: Received[]): Handler {
  const sessions = new Map<string, Bytes[]>();
  return async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const { method, headers } = request;
    if (request.body === null) return handler(request);
    const body = await request.bytes().catch(() => undefined);
    if (body === undefined) return new Response(null, { status: 400 });
    const held = [...(sessions.get(pathname) ?? []), body];
    sessions.set(pathname, held);
    const reference = searchParams.get("digest") ?? /\/manifests\/(.+)$/.exec(pathname)?.[1];
    if (reference !== undefined && (method === "PUT" || body.length > 0)) {
      const digest = `sha256:${createHash("sha256").update(concat(held)).digest("hex")}`;
      received.push({ reference, digest });
      sessions.delete(pathname);
    }
    return handler(new Request(request.url, { method, headers, body }));
  };
}
