/** Certificate authorities of the tests, and what they issue: made here, so that no openssl is needed. RFC 5280. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

/** Both in PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Subject {
  /** Default `localhost`. */
  readonly commonName?: string;
  /** DNS names and addresses that it is for. Default: none. */
  readonly names?: readonly string[];
  /** Default: yesterday to tomorrow. */
  readonly from?: Date;
  readonly until?: Date;
}

export interface Authority extends Pair {
  issue(subject: Subject): Pair;
}

const DAY = 86_400_000;

/** A new authority, whose certificate is its own. */
export function createAuthority(commonName = "Dray Test CA"): Authority {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const own = certificate({ commonName }, keys.publicKey, { name: commonName, key: keys.privateKey }, true);
  return {
    cert: own,
    key: pem(keys.privateKey),
    issue(subject) {
      const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const cert = certificate(subject, publicKey, { name: commonName, key: keys.privateKey }, false);
      return { cert, key: pem(privateKey) };
    },
  };
}

/** A certificate that vouches for itself, as `openssl req -x509` makes them: with CA:TRUE. */
export function selfSigned(subject: Subject): Pair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = { name: subject.commonName ?? "localhost", key: privateKey };
  return { cert: certificate(subject, publicKey, issuer, true), key: pem(privateKey) };
}

function pem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

interface Issuer {
  readonly name: string;
  readonly key: KeyObject;
}

function certificate(
  {
    commonName = "localhost",
    names = [],
    from = new Date(Date.now() - DAY),
    until = new Date(Date.now() + DAY),
  }: Subject,
  publicKey: KeyObject,
  issuer: Issuer,
  isAuthority: boolean,
): string {
  const algorithm = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const signed = sequence(
    der(0xa0, integer(Uint8Array.of(2))),
    integer(Uint8Array.of(1, ...randomBytes(8))),
    algorithm,
    distinguishedName(issuer.name),
    sequence(time(from), time(until)),
    distinguishedName(commonName),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions(names, isAuthority))),
  );
  const signature = sign("sha256", signed, { key: issuer.key, dsaEncoding: "der" });
  const whole = sequence(signed, algorithm, der(0x03, Uint8Array.of(0), signature));
  const lines = whole.toString("base64").replace(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function* extensions(names: readonly string[], isAuthority: boolean): Iterable<Uint8Array> {
  const critical = der(0x01, Uint8Array.of(0xff));
  yield extension(0x13, critical, isAuthority ? sequence(critical) : sequence());
  if (isAuthority) yield extension(0x0f, critical, der(0x03, Uint8Array.of(1, 0x86)));
  if (names.length > 0) yield extension(0x11, sequence(...names.map(alternativeName)));
}

/** Of the arc 2.5.29. */
function extension(arc: number, ...parts: Uint8Array[]): Uint8Array {
  const value = parts.at(-1)!;
  return sequence(oid(0x55, 0x1d, arc), ...parts.slice(0, -1), der(0x04, value));
}

function alternativeName(name: string): Uint8Array {
  if (isIP(name) === 0) return der(0x82, Buffer.from(name));
  if (isIP(name) === 4) return der(0x87, Uint8Array.from(name.split("."), Number));
  const groups = new URL(`http://[${name}]`).hostname.slice(1, -1).split("::");
  const [head, tail] = groups.map((half) =>
    half
      .split(":")
      .filter(Boolean)
      .map((group) => Number.parseInt(group, 16)),
  );
  const words = [...head!, ...new Array<number>(8 - head!.length - (tail?.length ?? 0)).fill(0), ...(tail ?? [])];
  return der(0x87, Uint8Array.from(words.flatMap((word) => [word >> 8, word & 255])));
}

function distinguishedName(commonName: string): Uint8Array {
  return sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(commonName)))));
}

/** Until 2049, as UTCTime has it. */
function time(date: Date): Uint8Array {
  return der(
    0x17,
    Buffer.from(
      `${date
        .toISOString()
        .slice(2)
        .replace(/[-T:]|\..*/g, "")}Z`,
    ),
  );
}

function integer(bytes: Uint8Array): Uint8Array {
  return der(0x02, bytes);
}

function oid(...bytes: number[]): Uint8Array {
  return der(0x06, Uint8Array.from(bytes));
}

function sequence(...parts: Uint8Array[]): Buffer {
  return der(0x30, ...parts);
}

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Uint8Array.from([tag, ...size]), content]);
}
