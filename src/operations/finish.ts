/** The last steps of an image whose blobs are all there: manifests, index, and the tag at the very end. */
import type { OnEvent } from "../events.ts";
import { type Descriptor, isIndex } from "../oci/descriptor.ts";
import { shortDigest } from "../oci/digest.ts";
import { composeIndex, parseManifest } from "../oci/manifest.ts";
import { contentOf, MANIFEST_LIMIT, readAll } from "../store/read.ts";
import type { Call, Content, Sink } from "../store/store.ts";
import type { Wanted } from "./plan.ts";
import type { Attachment, Image } from "./walk.ts";

/** Puts an image's manifests, children first, then lets the tag name it. Returns the root that the destination has now. */
export async function finish(
  { wanted, image }: { wanted: Wanted; image: Image },
  onEvent: OnEvent,
  options: Call,
): Promise<Descriptor> {
  const { to, tag, name } = wanted;
  const numbers = new Map(image.platforms.map(({ descriptor }, index) => [descriptor.digest, index + 1]));
  for (const manifest of image.manifests) {
    await to.put(manifest, options);
    tell(manifest.descriptor);
  }
  const root = await rootFor(wanted, image, onEvent, options);
  const attachments = attachmentsOf(wanted, image, root.descriptor, onEvent);
  // Subjects come before those who refer to them, and the tag, which tells that all is there, comes last.
  if (tag === undefined || attachments.length > 0) await to.put(root, options);
  for (const attachment of attachments) await putAttachment(wanted, attachment, onEvent, options);
  if (tag !== undefined) await to.tag(tag, root, options);
  tell(root.descriptor);
  return root.descriptor;

  function tell(descriptor: Descriptor): void {
    const number = numbers.get(descriptor.digest);
    if (number !== undefined) onEvent({ type: "manifest", image: name, number, descriptor });
  }
}

/** The original bytes where the destination has all children, or may lack some; else an index of those that are there. */
async function rootFor({ to, tag, name }: Wanted, image: Image, onEvent: OnEvent, options: Call): Promise<Content> {
  const { descriptor } = image.root;
  if (!isIndex(descriptor) || to.carries) return image.root;
  const bytes = await readAll(image.root, MANIFEST_LIMIT, options);
  const whole = composeIndex({ descriptor, bytes }, image.kept);
  if (whole.restored) return image.root;
  const present = tag === undefined ? [] : await childrenAt(to, tag, options);
  const composed = composeIndex({ descriptor, bytes }, image.kept, present);
  if (composed.dropped.length > 0) {
    const names = composed.dropped.map(({ digest }) => shortDigest(digest)).join(", ");
    onEvent({
      type: "warning",
      image: name,
      message: `replaces what "${tag}" named before: ${names} is not part of this image`,
    });
  }
  return composed.restored ? image.root : contentOf(descriptor.mediaType, composed.bytes);
}

/** The manifests that a tag offers now: the children of an index, or the one that it is. */
async function childrenAt(to: Sink, tag: string, options: Call): Promise<readonly Descriptor[]> {
  const there = await to.resolve(tag, options);
  if (!there) return [];
  if (!isIndex(there)) return [there];
  const view = parseManifest(there, await readAll(to.get(there), MANIFEST_LIMIT, options));
  return view.kind === "index" ? view.children : [];
}

/** Those whose subject is at the destination: what is attached to an index means nothing to another one. */
function attachmentsOf(
  { name }: Wanted,
  { attachments, manifests }: Image,
  root: Descriptor,
  onEvent: OnEvent,
): readonly Attachment[] {
  const there = new Set([root, ...manifests.map(({ descriptor }) => descriptor)].map(({ digest }) => digest));
  const carried = attachments.filter((attachment) => {
    if (!there.has(attachment.subject)) return false;
    there.add(attachment.root.descriptor.digest);
    return true;
  });
  const left = attachments.length - carried.length;
  if (left > 0)
    onEvent({
      type: "warning",
      image: name,
      message: `leaves ${left} referrers behind, such as signatures: they are of the whole index, and only some of its platforms are here`,
    });
  return carried;
}

async function putAttachment(
  { to, name }: Wanted,
  { root, manifests, tag }: Attachment,
  onEvent: OnEvent,
  options: Call,
): Promise<void> {
  for (const manifest of manifests) await to.put(manifest, options);
  if (tag === undefined) return to.put(root, options);
  const before = await to.resolve(tag, options);
  if (before?.digest === root.descriptor.digest) return;
  if (before)
    onEvent({
      type: "warning",
      image: name,
      message: `replaces what "${tag}" named before, ${shortDigest(before.digest)}`,
    });
  await to.tag(tag, root, options);
}
