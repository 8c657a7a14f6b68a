/** A connection through a proxy: CONNECT, RFC 9110 section 9.3.6. */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Socket } from "node:net";
import { unbracketed } from "../policy/address.ts";
import { type HttpProxy, proxyHeaders } from "./proxy.ts";
import { proxyFailure, proxyRefusal } from "./proxy-error.ts";

/** Milliseconds that a proxy may take to get there. */
const PATIENCE = 30_000;

/**
 * A socket on which `authority` (`host:port`) itself is spoken to. Throws ProxyError where the proxy refuses or is not
 * there. `ca` is what an https proxy is checked against; undefined: what the runtime knows.
 */
export function openTunnel(
  proxy: HttpProxy,
  authority: string,
  { ca, signal }: { ca: string | undefined; signal: AbortSignal | undefined },
): Promise<Socket> {
  const isSecure = proxy.url.startsWith("https:");
  const headers = { host: authority, ...proxyHeaders(proxy) };
  const common = { method: "CONNECT", path: authority, headers, agent: false, timeout: PATIENCE } as const;
  const options = { ...common, ...(signal ? { signal } : {}) };
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(proxy.url);
    const place = { host: unbracketed(hostname), port: port || (isSecure ? 443 : 80) };
    const outgoing = isSecure
      ? requestHttps({ ...options, ...place, ...(ca === undefined ? {} : { ca }) })
      : requestHttp({ ...options, ...place });
    outgoing.on("connect", ({ statusCode = 0 }, socket, head) => {
      if (statusCode < 200 || statusCode > 299) {
        socket.destroy();
        return reject(proxyRefusal(proxy, statusCode));
      }
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket as Socket);
    });
    // Some answer a CONNECT like any other request.
    outgoing.on("response", (incoming) => {
      incoming.destroy();
      reject(proxyRefusal(proxy, incoming.statusCode ?? 0));
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error("it did not answer in time")));
    outgoing.on("error", (error) => reject(proxyFailure(proxy, error)));
    outgoing.end();
  });
}
