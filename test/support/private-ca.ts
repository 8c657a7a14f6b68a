/** A certificate authority of the test's own, made with openssl: nothing in node:crypto writes certificates. */
import { randomInt } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./run.ts";
import { temporaryFolder } from "./temporary.ts";

/** A certificate with its key, as PEM files. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface PrivateCa extends AsyncDisposable {
  /** The path of its own certificate, PEM. */
  readonly file: string;
  /** Its own certificate with its key. */
  readonly pair: Pair;
  /** A server's certificate: for 127.0.0.1, ::1, localhost and `names`. */
  server(name: string, names?: readonly string[]): Promise<Pair>;
  /** A client's certificate for `name`. */
  client(name: string): Promise<Pair>;
}

/** Makes a CA in a folder that goes with it; ask `requireTool("openssl")` first. */
export async function createCa(name = "Test CA"): Promise<PrivateCa> {
  const folder = await temporaryFolder();
  const pair = at(folder.path, "ca");
  const config = join(folder.path, "openssl.cnf");
  await writeFile(config, "[req]\ndistinguished_name = name\n[name]\n");
  const asked = ["req", "-config", config, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await openssl([
    ...[...asked, "-x509", "-days", "2", "-subj", `/CN=${name}`, "-keyout", pair.key, "-out", pair.cert],
    ...["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"],
    ...["-addext", "subjectKeyIdentifier=hash"],
  ]);
  async function sign(name: string, extensions: readonly string[]): Promise<Pair> {
    const made = at(folder.path, name);
    const [request, extension] = [`${made.cert}.csr`, `${made.cert}.ext`];
    await writeFile(extension, [...extensions, "basicConstraints=CA:FALSE", ""].join("\n"));
    await openssl([...asked, "-subj", `/CN=${name}`, "-keyout", made.key, "-out", request]);
    await openssl([
      ...["x509", "-req", "-in", request, "-days", "2", "-CA", pair.cert, "-CAkey", pair.key],
      ...["-set_serial", `${randomInt(1, 2 ** 40)}`, "-extfile", extension, "-out", made.cert],
    ]);
    return made;
  }
  return {
    file: pair.cert,
    pair,
    server(name, names = []) {
      const alternatives = ["IP:127.0.0.1", "IP:::1", "DNS:localhost", ...names.map((one) => `DNS:${one}`)];
      return sign(name, [`subjectAltName=${alternatives.join(",")}`, "extendedKeyUsage=serverAuth"]);
    },
    client: (name) => sign(name, ["extendedKeyUsage=clientAuth"]),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

function at(folder: string, name: string): Pair {
  return { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
}

async function openssl(args: readonly string[]): Promise<void> {
  const { code, stderr } = await run("openssl", args);
  if (code !== 0) throw new Error(`openssl ${args[0]} ended with ${code}: ${stderr}`);
}

/** The certificate of a PEM file as base64 of its DER, as `x5c` has it. */
export async function derOf(file: string): Promise<string> {
  const [, body = ""] = /-----BEGIN CERTIFICATE-----([^-]*)-----END/.exec(await readFile(file, "utf8")) ?? [];
  return body.replace(/\s/g, "");
}
