/** A registry over any store, as a function from Request to Response. OCI distribution-spec v1.1. */
import { isRepository } from "../oci/reference.ts";
import type { Store } from "../store/store.ts";
import { getBlob } from "./blobs.ts";
import { errorResponse, jsonResponse, Refusal } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import { listRepositories, listTags } from "./listings.ts";
import { getManifest, putManifest } from "./manifests.ts";
import { createReferrers, type Referrers } from "./referrers.ts";
import { continueUpload, startUpload } from "./upload.ts";
import { createUploads, type Uploads } from "./upload-sessions.ts";

export interface HandlerOptions {
  /** Refuses all writes with a 405, also where the store could take them. Default false. */
  readonly readOnly?: boolean | undefined;
  /** Has the referrers endpoint; without it clients keep the list themselves. Default true. */
  readonly referrers?: boolean | undefined;
  /** The folder where uploads beyond 1 MiB wait for their last byte. Default: the system's folder for temporary files. */
  readonly spool?: string | undefined;
}

/** Answers every request, with an error where need be. Disposing gives up unfinished uploads and leaves the store alone. */
export interface Handler extends AsyncDisposable {
  (request: Request): Promise<Response>;
}

/** What lives as long as the handler. */
interface Endpoints {
  readonly store: Store;
  readonly readOnly: boolean;
  readonly uploads: Uploads;
  readonly referrers: Referrers | undefined;
}

/**
 * Serves a store: pull for every store, push where its repositories are sinks. Content is streamed both ways. Memory does not
 * grow with the size of a blob. Nothing is deleted: DELETE is for uploads only.
 */
export function createHandler(store: Store, options: HandlerOptions = {}): Handler {
  const { readOnly = false, referrers = true, spool } = options;
  const uploads = createUploads({ spool });
  const endpoints: Endpoints = {
    store,
    readOnly,
    uploads,
    referrers: referrers ? createReferrers() : undefined,
  };
  async function handle(request: Request): Promise<Response> {
    let response: Response;
    try {
      response = await route(endpoints, request);
    } catch (error) {
      response = errorResponse(error);
    }
    if (request.method !== "HEAD" || response.body === null) return response;
    await response.body.cancel();
    return new Response(null, { status: response.status, headers: response.headers });
  }
  return Object.assign(handle, { [Symbol.asyncDispose]: () => uploads[Symbol.asyncDispose]() });
}

async function route(endpoints: Endpoints, request: Request): Promise<Response> {
  const { store, readOnly } = endpoints;
  const url = new URL(request.url);
  const { pathname } = url;
  const reads = request.method === "GET" || request.method === "HEAD";
  if (pathname === "/v2/" || pathname === "/v2") {
    if (!reads) throw notAllowed(request);
    return jsonResponse({}, { headers: { "docker-distribution-api-version": "registry/2.0" } });
  }
  if (pathname === "/v2/_catalog") {
    if (!reads) throw notAllowed(request);
    return listRepositories(store, request, url);
  }
  // Greedy: a repository's name may have these words in it.
  const match = /^\/v2\/(.+)\/(?:(manifests|blobs|referrers|blobs\/uploads)\/([^/]*)|(tags)\/list)$/.exec(pathname);
  if (!match) throw new Refusal(404, "UNSUPPORTED", "there is no such endpoint");
  const [, path = "", kind, reference = "", tags] = match;
  if (!isRepository(path)) throw new Refusal(400, "NAME_INVALID", "this cannot be the name of a repository");
  const exchange: Exchange = { request, url, store, repository: store.repository(path), path, readOnly };
  const response = await respond(endpoints, exchange, kind ?? tags ?? "", reference.replace(/%3a/i, ":"));
  if (!response) throw notAllowed(request);
  return response;
}

/** The endpoint's answer; undefined where the method is none of its. */
async function respond(
  { uploads, referrers }: Endpoints,
  exchange: Exchange,
  kind: string,
  reference: string,
): Promise<Response | undefined> {
  const { method } = exchange.request;
  const reads = method === "GET" || method === "HEAD";
  switch (kind) {
    case "manifests":
      if (reads) return getManifest(exchange, reference);
      return method === "PUT" ? putManifest(exchange, reference, referrers) : undefined;
    case "blobs":
      if (method === "POST" && reference === "uploads") return startUpload(exchange, uploads);
      return reads ? getBlob(exchange, reference) : undefined;
    case "blobs/uploads":
      if (reference !== "") return continueUpload(exchange, uploads, reference);
      return method === "POST" ? startUpload(exchange, uploads) : undefined;
    case "referrers":
      if (!referrers) throw new Refusal(404, "UNSUPPORTED", "there is no such endpoint");
      return reads ? referrers.list(exchange, reference) : undefined;
    default:
      return reads ? listTags(exchange) : undefined;
  }
}

function notAllowed({ method }: Request): Refusal {
  return new Refusal(405, "UNSUPPORTED", `${method.slice(0, 20)} is not supported here`);
}
