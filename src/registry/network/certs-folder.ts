/** What certs.d says of a registry: containers-certs.d(5), and Docker's "Verify repository client with certificates". */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, reasonOf } from "../../errors.ts";
import { isCertificate, pemBlocks } from "./pem.ts";

/** Both in PEM. */
export interface ClientPair {
  readonly cert: string;
  readonly key: string;
}

export interface CertsFolder {
  readonly path: string;
  /** In PEM, one each. */
  readonly authorities: readonly string[];
  /** Who we are there; the first by name where there are several. */
  readonly client: ClientPair | undefined;
}

/**
 * The first of `folders` that has a folder for `host` (`registry.example:5000`), read; undefined where none has. What may
 * not be looked at is passed over. Throws USAGE for a client certificate without its key, a key without its certificate,
 * and a file that does not hold what its name says.
 */
export async function readCertsFolder(folders: readonly string[], host: string): Promise<CertsFolder | undefined> {
  // The host is a part of a path.
  if (host.includes("/") || host.startsWith(".")) return undefined;
  for (const folder of folders) {
    const path = join(folder, host);
    const names = await listed(path);
    if (names !== undefined) return await readFolder(path, names);
  }
  return undefined;
}

async function listed(path: string): Promise<string[] | undefined> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ENOTDIR", "EACCES", "EPERM"].includes(code!)) return undefined;
    throw unusable(path, reasonOf(error), error);
  }
}

async function readFolder(path: string, names: readonly string[]): Promise<CertsFolder> {
  const authorities: string[] = [];
  let client: ClientPair | undefined;
  for (const name of names) {
    const file = join(path, name);
    const stem = name.replace(/\.(?:crt|cert|key)$/, "");
    if (name.endsWith(".crt")) authorities.push(...parseAuthorities(file, await readPem(file)));
    if (name.endsWith(".key") && !names.includes(`${stem}.cert`))
      throw unusable(file, `its certificate ${stem}.cert is not beside it`);
    if (!name.endsWith(".cert")) continue;
    if (!names.includes(`${stem}.key`))
      throw unusable(file, `its key ${stem}.key is not beside it; the file of an authority ends with .crt`);
    client ??= { cert: await readPem(file), key: await readPem(join(path, `${stem}.key`)) };
  }
  return { path, authorities, client };
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw unusable(file, reasonOf(cause), cause);
  }
}

/** The certificates of a text that must be some. Throws USAGE naming `file`. */
export function parseAuthorities(file: string, text: string): readonly string[] {
  const blocks = pemBlocks(text);
  if (blocks.length === 0) throw unusable(file, "it holds no certificate in PEM");
  const bad = blocks.findIndex((block) => !isCertificate(block));
  if (bad >= 0) throw unusable(file, `its certificate ${bad + 1} is malformed`);
  return blocks;
}

function unusable(file: string, reason: string, cause?: unknown): AppError {
  return new AppError("USAGE", `Cannot use "${file}": ${reason}`, { cause });
}
