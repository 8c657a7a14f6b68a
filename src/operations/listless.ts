/** An archive whose list of images is damaged, read by the index of the OCI layout that it also is. */
import { LIST_FILE, ROOT } from "../layout/hangar.ts";
import type { Store, Tree } from "../store/store.ts";
import { type OpenOptions, storeIn } from "./open.ts";

const BLOBS = "blobs/";

/**
 * The images that the root index names, each with the platforms that are there. What is attached to them is not known. Owns
 * the tree. Throws as storeIn() does.
 */
export function openListless(tree: Tree, name: string, options: OpenOptions): Promise<Store> {
  const hidden = `${ROOT}/${LIST_FILE}`;
  // `blobs` is a link to `share` there, and links to folders are not followed.
  const real = (path: string): string =>
    `${ROOT}/${path.startsWith(BLOBS) ? `share/${path.slice(BLOBS.length)}` : path}`;
  const layout: Tree = {
    *paths() {
      for (const path of tree.paths())
        if (path !== hidden) yield path.replace(`${ROOT}/`, "").replace(/^share\//, BLOBS);
    },
    file: (path) => (path === LIST_FILE ? undefined : tree.file(real(path))),
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
  };
  return storeIn(layout, name, options);
}
