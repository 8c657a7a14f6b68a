/** The certificate authorities that this machine trusts, where Go looks for them (crypto/x509, root_linux.go and root_unix.go). */
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { getCACertificates } from "node:tls";
import { pemBlocks } from "./pem.ts";

/** Where certificates are. The first file that can be read counts, and every folder. */
export interface RootPlaces {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

const LINUX: RootPlaces = {
  files: [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
  ],
  folders: ["/etc/ssl/certs", "/etc/pki/tls/certs"],
};

export interface RootSource {
  /** A file or folder, or what stands for the system's own store. */
  readonly name: string;
  readonly blocks: readonly string[];
}

/** Certificates by where they were found, unchecked. Never throws: what cannot be read is not there. */
export async function systemRoots(places: Partial<RootPlaces> = {}): Promise<RootSource[]> {
  const { files, folders } = places;
  const isOpaque = process.platform === "darwin" || process.platform === "win32";
  if (isOpaque && !files && !folders) return [{ name: "the system's store", blocks: getCACertificates("system") }];
  const found = [await firstFile(files ?? LINUX.files)];
  for (const folder of folders ?? LINUX.folders) found.push(await wholeFolder(folder));
  return found.filter((source) => source !== undefined);
}

async function firstFile(files: readonly string[]): Promise<RootSource | undefined> {
  for (const name of files) {
    const text = await readText(name);
    if (text !== undefined) return { name, blocks: pemBlocks(text) };
  }
  return undefined;
}

async function wholeFolder(name: string): Promise<RootSource | undefined> {
  const entries = await readdir(name, { withFileTypes: true }).catch(() => []);
  const texts = await Promise.all(
    entries.map(async (entry) => {
      const path = join(name, entry.name);
      // OpenSSL's links by hash name their neighbours, which are read anyway.
      if (entry.isSymbolicLink() && !(await readlink(path).catch(() => "")).includes("/")) return undefined;
      return entry.isDirectory() ? undefined : await readText(path);
    }),
  );
  const blocks = texts.flatMap((text) => (text === undefined ? [] : pemBlocks(text)));
  return blocks.length > 0 ? { name, blocks } : undefined;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}
