/** Whom TLS trusts, and who we are in it: the system's authorities, the user's own, and those of certs.d. */
import { readFile } from "node:fs/promises";
import { getCACertificates } from "node:tls";
import { AppError, reasonOf } from "../../errors.ts";
import { isDockerHub } from "../../oci/docker-hub.ts";
import { type ClientPair, parseAuthorities, readCertsFolder } from "./certs-folder.ts";
import { isCertificate, pemBody } from "./pem.ts";
import { type RootPlaces, systemRoots } from "./system-roots.ts";

/** What one connection needs beyond what the runtime has. The same object for the same needs, so that it can be a key. */
export interface TlsMaterial {
  /** Authorities in PEM that the runtime does not know. Empty: its own suffice. */
  readonly added: readonly string[];
  /** All of them, the runtime's too, as one text. */
  readonly all: string;
  readonly client: ClientPair | undefined;
}

/**
 * What to trust, and to show, at `target` (`host[:port]` of a URL) for the sake of `registry` (as the user calls it). The
 * registry's authorities also count where it sends us, to its token server and storage; client certificates are shown to
 * the registry alone. Read once, when first asked. Throws USAGE for files that cannot be used.
 */
export type Trust = (registry: string, target: string) => Promise<TlsMaterial>;

export interface TrustOptions {
  /** PEM files of further authorities; each must be there. Default: none. */
  readonly files?: readonly string[] | undefined;
  /** Folders with a folder for each `host[:port]`; the first that has one counts. Default: none. */
  readonly certs?: readonly string[] | undefined;
  /** Where the system keeps its authorities. Default: where Go looks for them. */
  readonly system?: Partial<RootPlaces> | undefined;
  /** Told a line about each place that certificates came from. */
  readonly onSource?: ((line: string) => void) | undefined;
}

export function createTrust({ files = [], certs = [], system, onSource = ignore }: TrustOptions = {}): Trust {
  const base = once(async () => {
    const known = new Set(getCACertificates("default").map(pemBody));
    const added: string[] = [];
    function add(name: string, blocks: readonly string[]): void {
      const before = added.length;
      for (const block of blocks)
        if (known.size < known.add(pemBody(block)).size && isCertificate(block)) added.push(block);
      onSource(`TLS trusts ${name}: ${count(blocks.length)}, ${added.length - before} of them new`);
    }
    for (const { name, blocks } of await systemRoots(system)) add(name, blocks);
    for (const file of files) add(file, await readAuthorities(file));
    return material(added, undefined);
  });
  const folders = memo(async (host) => {
    const folder = await readCertsFolder(certs, host);
    if (folder)
      onSource(
        `TLS trusts ${folder.path}: ${count(folder.authorities.length)}${folder.client ? ", and one of ours" : ""}`,
      );
    return folder;
  });
  const materials = memo(async (key) => {
    const [registry, target] = key.split(" ") as [string, string];
    const shared = await base();
    const own = await folders(registry);
    const theirs = registry === target ? own : await folders(target);
    const authorities = [...new Set([...(own?.authorities ?? []), ...(theirs?.authorities ?? [])])];
    // Else a registry could send us, as ourselves, to another one.
    const client = isHostOf(registry, target) ? (theirs?.client ?? own?.client) : undefined;
    if (authorities.length === 0 && !client) return shared;
    return material([...shared.added, ...authorities], client);
  });
  return (registry, target) => materials(`${registry} ${target}`);
}

/** The authorities of a PEM file. Throws USAGE naming it. */
export async function readAuthorities(file: string): Promise<readonly string[]> {
  try {
    return parseAuthorities(file, await readFile(file, "utf8"));
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("USAGE", `Cannot read certificates "${file}": ${reasonOf(cause)}`, { cause });
  }
}

function material(added: readonly string[], client: ClientPair | undefined): TlsMaterial {
  return { added, client, all: [...getCACertificates("default"), ...added].join("\n") };
}

/** By name, whatever the port. Docker Hub's certificates are kept under the name that users know. */
function isHostOf(registry: string, target: string): boolean {
  const [own, other] = [withoutPort(registry), withoutPort(target)];
  return own === other || (isDockerHub(own) && isDockerHub(other));
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, "");
}

/** A failure is kept too: files do not get better within a run. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

function memo<T>(make: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const made = new Map<string, Promise<T>>();
  return (key) => {
    const found = made.get(key) ?? make(key);
    made.set(key, found);
    return found;
  };
}

function count(certificates: number): string {
  return certificates === 1 ? "1 certificate" : `${certificates} certificates`;
}

function ignore(): void {}
