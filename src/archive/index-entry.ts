/** The entry at the end of an archive that holds its index, unpacked as it is read: what unpacks to too much is never held. */
import type { ByteStream, Bytes } from "../bytes/stream.ts";
import { AppError, reasonOf } from "../errors.ts";
import type { Call } from "../store/store.ts";
import { INDEX_PATH, tarLength } from "./contents.ts";
import { decompressed } from "./decompress.ts";
import { damaged, type Opened } from "./entry-content.ts";
import { corrupt, type Footer } from "./footer.ts";
import { peek } from "./pipe.ts";
import { BLOCK, parseTarHeader } from "./tar.ts";
import { volumeRange } from "./volume.ts";

/**
 * Header, index and padding, exactly as many bytes as the footer says. Throws INTEGRITY that names the part and the place
 * where they are others, or are missing.
 */
export async function* indexEntry(archive: Opened, footer: Footer, call: Call): ByteStream {
  const { volume, codec } = archive;
  const { offset, length, size } = footer;
  const stretch = { name: INDEX_PATH, offset, length };
  const total = tarLength({ header: BLOCK, size });
  const stored = volumeRange(volume, offset, length, call);
  const { format } = codec;
  let seen = 0;
  try {
    for await (const chunk of format === "tar" ? stored : decompressed(stored, format, volume.name)) {
      seen += chunk.length;
      if (seen > total) break;
      yield chunk;
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "INTEGRITY") throw error;
    throw damaged(archive, stretch, reasonOf(error), error);
  }
  if (seen !== total) throw damaged(archive, stretch, "it has a wrong length");
}

/** The index alone, once its header has been looked at. Throws INTEGRITY as well where that is of something else. */
export async function* indexContent(archive: Opened, footer: Footer, call: Call): ByteStream {
  const { first, whole } = await peek(indexEntry(archive, footer, call), BLOCK);
  let at = 0;
  for await (const bytes of whole) {
    if (at === 0 && !isHeader(first, footer))
      throw corrupt(archive.volume.name, "there is no index where its footer says");
    yield bytes.subarray(Math.max(0, BLOCK - at), Math.max(0, BLOCK + footer.size - at));
    at += bytes.length;
  }
}

function isHeader(bytes: Bytes, { size }: Footer): boolean {
  const header = parseTarHeader(bytes);
  return header?.path === INDEX_PATH && header.size === size;
}
