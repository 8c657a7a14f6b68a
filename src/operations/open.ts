/** From a path to the store that lies there, told by what it is and never by its name. */
import { stat } from "node:fs/promises";
import { type Container, type ContainerOptions, openContainer, sniffContainer } from "../archive/container.ts";
import { SNIFFED } from "../archive/format.ts";
import { findParts } from "../archive/parts.ts";
import { readFile } from "../bytes/file.ts";
import { collect } from "../bytes/stream.ts";
import { AppError } from "../errors.ts";
import { DOCKER_ARCHIVE_FILE, openDockerArchive } from "../layout/docker-archive-store.ts";
import { readDocument } from "../layout/document.ts";
import { isFolder, openFolder, subtree } from "../layout/folder.ts";
import { LIST_FILE, ROOT } from "../layout/hangar.ts";
import { isHangar, openHangar } from "../layout/hangar-store.ts";
import { isHangarZipIndex, openHangarZip } from "../layout/hangar-zip-store.ts";
import { isOciIndex, openOciLayout } from "../layout/oci-store.ts";
import type { Store, Tree } from "../store/store.ts";

export type OpenOptions = ContainerOptions;

/**
 * Opens an archive, by its path or those of its parts, or a folder for reading, whoever wrote it: Dray, Hangar, image-tools,
 * Docker, podman, skopeo, containerd, crane, regctl or any other writer of OCI layouts. Only compressed archives of others are
 * unpacked. Throws NOT_FOUND where there is nothing, UNSUPPORTED where nothing that Dray knows is in it, INTEGRITY where it is
 * damaged or hostile.
 */
export async function openStore(paths: string | readonly string[], options: OpenOptions = {}): Promise<Store> {
  const path = firstOf(paths);
  return storeIn(await openTree(paths, options), path, options);
}

/** The store of an open tree, which it owns from now on, also where it throws. `path` is for messages. */
export async function storeIn(tree: Tree, path: string, options: OpenOptions = {}): Promise<Store> {
  try {
    for (const prefix of prefixesOf(tree)) {
      const store = await openLayout(prefix === "" ? tree : subtree(tree, prefix), path, options);
      if (store) return store;
    }
    throw nothingIn(tree, path);
  } catch (error) {
    await tree[Symbol.asyncDispose]();
    throw error;
  }
}

/** Where a layout may begin: at the root, in the folder that Hangar's archives have, or in the only one that there is. */
function prefixesOf(tree: Tree): readonly string[] {
  let only: string | undefined;
  for (const path of tree.paths()) {
    const first = path.slice(0, path.indexOf("/") + 1);
    if (only !== undefined && first !== only) return ["", `${ROOT}/`];
    only = first;
  }
  return [...new Set(["", `${ROOT}/`, only ?? ""])];
}

/** The store of a tree, by the documents at its root; undefined where there are none that we know. */
async function openLayout(tree: Tree, path: string, { onWarning, signal }: OpenOptions): Promise<Store | undefined> {
  const options = { name: path, onWarning, signal };
  if (isHangar(tree)) return openHangar(tree, path, options);
  const index = await readDocument(tree, "index.json", path, { signal });
  if (isHangarZipIndex(index)) return openHangarZip(tree, index, options);
  if (isOciIndex(index)) return openOciLayout(tree, index, options);
  if (tree.file(DOCKER_ARCHIVE_FILE)) return openDockerArchive(tree, options);
  return undefined;
}

function nothingIn(tree: Tree, path: string): AppError {
  const message = `Cannot open "${path}": there are no images in it that Dray knows how to read`;
  if (tree.file("repositories"))
    return new AppError("UNSUPPORTED", `${message}: it is of the format that Docker wrote before version 1.10`, {
      hint: "load it into a Docker of 2016 to 2023, and save it again",
    });
  return new AppError("UNSUPPORTED", message, {
    hint: `looked for ${LIST_FILE} (Dray, Hangar, image-tools), index.json (OCI layouts, Hangar 1.7) and manifest.json (docker save)`,
  });
}

/** The files of an archive or a folder. */
export async function openTree(paths: string | readonly string[], options: OpenOptions = {}): Promise<Tree> {
  const path = firstOf(paths);
  return (await isFolder(path)) ? openFolder(path) : openContainer(paths, options);
}

function firstOf(paths: string | readonly string[]): string {
  return typeof paths === "string" ? paths : (paths[0] ?? "");
}

/** The kind of an archive, `dir` for a folder; undefined for what is neither, or not there. */
export async function formatOf(path: string): Promise<Container | "dir" | undefined> {
  if (await isFolder(path)) return "dir";
  try {
    const [first = path] = (await findParts([path])).paths;
    // To open a pipe waits until somebody writes to it.
    if (!(await stat(first)).isFile()) return undefined;
    const bytes = await collect(readFile(first, SNIFFED), SNIFFED);
    return bytes && sniffContainer(bytes);
  } catch {
    return undefined;
  }
}
