/** Unfinished uploads: which there are, and when they are given up. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Refusal } from "./errors.ts";
import { createSpool, type Spool } from "./spool.ts";

/** One upload between its POST and its PUT. */
export interface Upload {
  readonly id: string;
  /** The repository that it belongs to. */
  readonly path: string;
  readonly spool: Spool;
  /** A request is adding to it now. */
  busy: boolean;
  /** Milliseconds since 1970. */
  touched: number;
}

export interface Uploads extends AsyncDisposable {
  start(path: string): Promise<Upload>;
  /** The upload `id` of the repository `path`; a 404 where there is none. */
  find(path: string, id: string): Upload;
  /** Runs `work` as the only one that adds to the upload; a 400 while another does. */
  hold<T>(upload: Upload, work: () => Promise<T>): Promise<T>;
  end(upload: Upload): Promise<void>;
}

export interface UploadOptions {
  /** Where uploads beyond 1 MiB wait. Default: the system's folder for temporary files. */
  readonly spool?: string | undefined;
  /** Uploads at a time; one more gives up the one that was left alone for longest. Default 1,000. */
  readonly limit?: number | undefined;
  /** Milliseconds after which an upload that nobody touches is given up. Default one hour. */
  readonly idle?: number | undefined;
}

/** No uploads yet. Those left alone go when another starts: no timer runs. Disposing gives all of them up. */
export function createUploads({ spool = tmpdir(), limit = 1000, idle = 3_600_000 }: UploadOptions = {}): Uploads {
  const uploads = new Map<string, Upload>();
  let folder: Promise<string> | undefined;
  async function end(upload: Upload): Promise<void> {
    uploads.delete(upload.id);
    await upload.spool.discard();
  }
  async function sweep(): Promise<void> {
    const now = Date.now();
    for (const upload of [...uploads.values()].sort((a, b) => a.touched - b.touched)) {
      if (upload.busy) continue;
      if (now - upload.touched <= idle && uploads.size < limit) return;
      await end(upload);
    }
  }
  return {
    async start(path) {
      await sweep();
      const id = randomUUID();
      const file = async (): Promise<string> => {
        folder ??= mkdtemp(join(spool, "dray-uploads-"));
        return join(await folder, id);
      };
      const upload = { id, path, spool: createSpool(file), busy: false, touched: Date.now() };
      uploads.set(id, upload);
      return upload;
    },
    find(path, id) {
      const upload = uploads.get(id);
      if (upload?.path === path) return upload;
      throw new Refusal(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload");
    },
    async hold(upload, work) {
      if (upload.busy) throw new Refusal(400, "BLOB_UPLOAD_INVALID", "another request is adding to this upload");
      upload.busy = true;
      try {
        return await work();
      } finally {
        upload.busy = false;
        upload.touched = Date.now();
      }
    },
    end,
    async [Symbol.asyncDispose]() {
      uploads.clear();
      if (folder) await rm(await folder, { recursive: true, force: true });
    },
  };
}
