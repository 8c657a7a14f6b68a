/** Hangar's cache folder in an archive, which Hangar 1.3-1.6 loads. */
import type { ArchiveLayout, HeadEntry } from "./archive-layout.ts";
import { blobPath, type LaidImage, LIST_FILE, layoutFiles, ROOT } from "./hangar.ts";

/** `savedTime` is what the list says as its time. */
export function hangarArchive(savedTime: Date): ArchiveLayout {
  return {
    head: (images, algorithms) => headOf(images, algorithms, savedTime),
    blobPath: (digest) => `${ROOT}/${blobPath(digest)}`,
    amended: [`${ROOT}/${LIST_FILE}`, `${ROOT}/index.json`],
  };
}

/** The link makes the folder an OCI layout. Hangar unpacks no files into folders that it has not seen. */
function headOf(images: readonly LaidImage[], algorithms: ReadonlySet<string>, savedTime: Date): readonly HeadEntry[] {
  const files = layoutFiles(images, savedTime).map(({ path, bytes }) => ({ path: `${ROOT}/${path}`, bytes }));
  const folders = ["", "/.dray", "/share", ...[...algorithms].map((algorithm) => `/share/${algorithm}`)];
  return [
    ...folders.map((folder) => ({ path: `${ROOT}${folder}` })),
    ...files.filter(({ bytes }) => !bytes),
    ...files.filter(({ bytes }) => bytes),
    { path: `${ROOT}/blobs`, target: "share" },
  ];
}
