/** Debian's nginx in front of a registry: TLS, limits, wrong Locations, and a log of what came with each request. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Pair } from "./private-ca.ts";
import { listening, onFreePort, startProgram } from "./program.ts";
import { temporaryFolder } from "./temporary.ts";

/** A line of its log; a header that did not come is empty. */
export interface NginxRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly status: number;
  readonly scheme: string;
  readonly authorization: string;
  /** What is meant for a proxy in between. */
  readonly proxyAuthorization: string;
  /** `SUCCESS`, `NONE` or why not, of the client's certificate. */
  readonly client: string;
  /** Of the request. */
  readonly contentLength: string;
}

export interface Nginx extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly port: number;
  /** What was asked so far, in the order in which it was done with. */
  requests(): Promise<readonly NginxRequest[]>;
  close(): Promise<void>;
}

export interface NginxOptions {
  /** The `host:port` behind it, over plain http. */
  readonly upstream: string;
  /** Default: plain http. */
  readonly tls?: Pair | undefined;
  /** A file of CA certificates: only clients that have one of theirs get in. */
  readonly clientCa?: string | undefined;
  /** The `Host` and `X-Forwarded-Proto` that the registry sees, of which it makes Locations. Default: what the client sent. */
  readonly forwarded?: { readonly host: string; readonly proto: string } | undefined;
  /** The largest request, as nginx has it: `1m`. Default: any. */
  readonly limit?: string;
  /** More lines for `server`. */
  readonly server?: string;
  /** More lines for `http`. */
  readonly http?: string;
}

/** Starts nginx; ask `requireTool("nginx")` first. */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const folder = await temporaryFolder();
  await mkdir(join(folder.path, "temporary"));
  const log = join(folder.path, "access.log");
  const started = onFreePort(async (port) => {
    const config = join(folder.path, `nginx-${port}.conf`);
    await writeFile(config, configuration(port, log, options));
    const args = ["-p", folder.path, "-e", "stderr", "-c", config];
    return { port, program: await startProgram("nginx", args, { ready: () => listening(port) }) };
  });
  const { port, program } = await started.catch(async (error) => {
    await folder[Symbol.asyncDispose]();
    throw error;
  });
  async function close(): Promise<void> {
    await program.close();
    await folder[Symbol.asyncDispose]();
  }
  return {
    host: `127.0.0.1:${port}`,
    port,
    async requests() {
      const lines = (await readFile(log, "utf8")).split("\n").slice(0, -1);
      return lines.map((line) => JSON.parse(line) as NginxRequest);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function configuration(port: number, log: string, options: NginxOptions): string {
  const { upstream, tls, clientCa, forwarded, limit = "0", server = "", http = "" } = options;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const fields = {
    method: "$request_method",
    path: "$request_uri",
    scheme: "$scheme",
    authorization: "$http_authorization",
    proxyAuthorization: "$http_proxy_authorization",
    client: "$ssl_client_verify",
    contentLength: "$http_content_length",
  };
  return `
    daemon off;
    master_process off;
    pid nginx.pid;
    events { worker_connections 256; }
    http {
      ${temporary.map((name) => `${name}_temp_path temporary/${name};`).join(" ")}
      log_format fields escape=json '${JSON.stringify(fields).slice(0, -1)},"status":$status}';
      access_log ${log} fields;
      ${http}
      server {
        listen 127.0.0.1:${port}${tls ? " ssl" : ""};
        ${tls ? `ssl_certificate ${tls.cert}; ssl_certificate_key ${tls.key};` : ""}
        ${clientCa ? `ssl_client_certificate ${clientCa}; ssl_verify_client on;` : ""}
        client_max_body_size ${limit};
        ${server}
        location / {
          proxy_pass http://${upstream};
          proxy_http_version 1.1;
          proxy_request_buffering off;
          proxy_redirect off;
          proxy_set_header Host ${forwarded?.host ?? "$http_host"};
          proxy_set_header X-Forwarded-Proto ${forwarded?.proto ?? "$scheme"};
        }
      }
    }
  `;
}
