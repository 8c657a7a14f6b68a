/** A blob in one request: by PUT, or by PATCH with a PUT after it. OCI distribution-spec v1.1 "Pushing a blob monolithically". */
import { pushScope } from "../endpoint.ts";
import { checkStored } from "../stored.ts";
import { drain } from "../wire/drain.ts";
import type { Body } from "./body.ts";
import { BLOB_HEADERS, endSession, type Job, nextLocation, type Session, withDigest } from "./session.ts";

/** One PUT with everything: what nearly all registries take. */
export async function sendByPut(job: Job, { location }: Session, body: Body): Promise<void> {
  const response = await send(job, "PUT", withDigest(location, job.content), body);
  checkStored(job.what, response, job.content.descriptor.digest);
}

/** One PATCH without a Content-Range, as Docker sends it, then an empty PUT: what some old registries insist on. */
export async function sendByPatch(job: Job, { location }: Session, body: Body): Promise<void> {
  const response = await send(job, "PATCH", location, body);
  await endSession(job, nextLocation(job, location, response));
}

async function send(job: Job, method: string, location: string, body: Body): Promise<Response> {
  const { client, what, path, content, effort, signal } = job;
  const upload = body.part(0, content.descriptor.size);
  const options = { headers: BLOB_HEADERS, upload, effort, scopes: pushScope(path), signal };
  const response = await client.send(what, method, location, options);
  await drain(response);
  return response;
}
