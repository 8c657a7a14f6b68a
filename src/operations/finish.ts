/** The last steps of an image whose blobs are all there: manifests, index, and the tag at the very end. */
import type { OnEvent } from "../events.ts";
import { type Descriptor, isIndex } from "../oci/descriptor.ts";
import { shortDigest } from "../oci/digest.ts";
import type { Call, Content } from "../store/store.ts";
import { composeRoot } from "./composed.ts";
import { mergeByPlatform } from "./merge-by-platform.ts";
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
  for (const manifest of image.manifests) await put(manifest);
  const { root, isNamed } = await rootFor(wanted, image, onEvent, options);
  // A single manifest that joins what the tag names is one of several children now.
  const joining = isIndex(root.descriptor) && !isIndex(image.root.descriptor) ? [image.root] : [];
  for (const manifest of joining) await put(manifest);
  const attachments = attachmentsOf(wanted, image, [root, ...image.manifests, ...joining], onEvent);
  // Subjects come before those who refer to them, and the tag, which tells that all is there, comes last.
  if (tag === undefined || attachments.length > 0) await to.put(root, options);
  for (const attachment of attachments) await putAttachment(wanted, attachment, onEvent, options);
  // A tag that may not be changed may not be given again either.
  if (tag !== undefined && !isNamed) await to.tag(tag, root, options);
  tell(root.descriptor);
  return root.descriptor;

  async function put(manifest: Content): Promise<void> {
    await to.put(manifest, options);
    tell(manifest.descriptor);
  }
  function tell(descriptor: Descriptor): void {
    const number = numbers.get(descriptor.digest);
    if (number !== undefined) onEvent({ type: "manifest", image: name, number, descriptor });
  }
}

interface Root {
  readonly root: Content;
  /** The tag names it already. */
  readonly isNamed: boolean;
}

/** What the tag is to name: the original where the destination may lack some of it, else what both ends have come to. */
async function rootFor(wanted: Wanted, image: Image, onEvent: OnEvent, options: Call): Promise<Root> {
  const { to, tag, madeOf } = wanted;
  if (to.carries) return { root: image.root, isNamed: false };
  let there: Descriptor | undefined;
  async function before(): Promise<Descriptor | undefined> {
    there = tag === undefined ? undefined : await to.resolve(tag, options);
    return there;
  }
  const { root, dropped } = madeOf
    ? await mergeByPlatform(to, await before(), { image, madeOf }, options)
    : await composeRoot(to, before, image, options);
  tellDropped(wanted, dropped, onEvent);
  return { root, isNamed: there?.digest === root.descriptor.digest };
}

function tellDropped({ tag, name }: Wanted, dropped: readonly Descriptor[], onEvent: OnEvent): void {
  if (dropped.length === 0) return;
  const names = dropped.map(({ digest }) => shortDigest(digest)).join(", ");
  onEvent({
    type: "warning",
    image: name,
    message: `replaces what "${tag}" named before: ${names} is not part of this image`,
  });
}

/** Those whose subject is at the destination: what is attached to an index means nothing to another one. */
function attachmentsOf(
  { name }: Wanted,
  { attachments }: Image,
  manifests: readonly Content[],
  onEvent: OnEvent,
): readonly Attachment[] {
  const there = new Set(manifests.map(({ descriptor }) => descriptor.digest));
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
