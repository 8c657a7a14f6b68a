/** Hangar's cache folder in an archive, which Hangar 1.3-1.6 loads. */
import type { Bytes } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import type { ArchiveLayout, HeadEntry } from "./archive-layout.ts";
import {
  blobPath,
  indexFile,
  type LaidImage,
  type LayoutFile,
  layoutFiles,
  layoutFolders,
  listFile,
  ROOT,
} from "./hangar.ts";

/** `savedTime` is what the list says as its time. */
export function hangarArchive(savedTime: Date): ArchiveLayout {
  return {
    head: (images, algorithms) => headOf(images, algorithms, savedTime),
    blobPath: (digest) => `${ROOT}/${blobPath(digest)}`,
    amended: (images) => [listFile(images, savedTime), indexFile(images)].map(inRoot),
  };
}

/** Platforms that an archive has folders for: each is three entries, of which readers take some hundred thousand. */
const MOST_FOLDERS = 40_000;

/** The link makes the folder an OCI layout. Hangar unpacks no files into folders that it has not seen. */
function* headOf(images: readonly LaidImage[], algorithms: ReadonlySet<string>, savedTime: Date): Generator<HeadEntry> {
  const count = images.reduce((sum, { forHangar, platforms }) => sum + (forHangar ? platforms.length : 0), 0);
  if (count > MOST_FOLDERS)
    throw new AppError("UNSUPPORTED", `Cannot archive ${count} platforms: ${MOST_FOLDERS} are the most`, {
      hint: "make several archives, of fewer images each",
    });
  for (const folder of ["", "/.dray", "/share"]) yield { path: `${ROOT}${folder}` };
  for (const algorithm of algorithms) yield { path: `${ROOT}/share/${algorithm}` };
  for (const folder of layoutFolders(images)) yield { path: `${ROOT}/${folder}` };
  yield inRoot(listFile(images, savedTime));
  for (const file of layoutFiles(images)) yield inRoot(file);
  yield { path: `${ROOT}/blobs`, target: "share" };
}

function inRoot({ path, bytes }: LayoutFile): { path: string; bytes: Bytes } {
  return { path: `${ROOT}/${path}`, bytes };
}
