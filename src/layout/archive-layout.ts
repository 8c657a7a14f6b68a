/** How images lie in an archive: the role that Hangar's layout and the OCI layout fill. */
import type { Bytes } from "../bytes/stream.ts";
import type { Digest } from "../oci/digest.ts";
import type { LaidImage } from "./hangar.ts";

/** What stands before all content: a document, a folder, or a link. */
export interface HeadEntry {
  /** From the root of the archive. */
  readonly path: string;
  /** Of a document. */
  readonly bytes?: Bytes | undefined;
  /** Where a link points. */
  readonly target?: string | undefined;
}

export interface ArchiveLayout {
  /**
   * What an archive of these images begins with, folders before what is in them. `algorithms` are those of the digests in it.
   * The same images give the same bytes. Each entry is made when it is asked for.
   */
  head(images: readonly LaidImage[], algorithms: ReadonlySet<string>): Iterable<HeadEntry>;
  /** Where a blob or manifest is, from the root of the archive. */
  blobPath(digest: Digest): string;
  /**
   * The documents of the head that name images: where some did not arrive, they come once more at the end, and count. Absent
   * where readers take the first they see, so that everything must be there before the head is written.
   */
  amended?(images: readonly LaidImage[]): readonly (HeadEntry & { readonly bytes: Bytes })[];
}
