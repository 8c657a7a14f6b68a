/** Examines a registry for what a run would trip over, within seconds. */
import { clean } from "../bytes/text.ts";
import { apiHost } from "../registry/client.ts";
import type { Login } from "../registry/credentials/credential.ts";
import { createTransport } from "../registry/network/transport.ts";
import { isLoopback } from "../registry/policy/address.ts";
import { openClient, type RegistryOptions } from "../registry/registry.ts";
import type { Transport } from "../registry/wire/exchange.ts";
import type { Call } from "../store/store.ts";
import { examineManifests } from "./diagnosis/acceptance.ts";
import { examineCertificate } from "./diagnosis/certificate.ts";
import { describeEncryption, describeTrust } from "./diagnosis/encryption.ts";
import { about, type Examination, failed, guarded, isRefusal } from "./diagnosis/examination.ts";
import type { Finding } from "./diagnosis/finding.ts";
import { examineGreeting, type Greeting } from "./diagnosis/greeting.ts";
import { challengeIn, type Seen, withJournal } from "./diagnosis/journal.ts";
import { describeAccess, describeLogin } from "./diagnosis/login.ts";
import { examineAnonymous, examinePull, type Read } from "./diagnosis/pull.ts";
import { examinePush, examineUpload } from "./diagnosis/push.ts";
import { cleanUp, createRemains, type Remains, withRemains } from "./diagnosis/remains.ts";
import { examineWay } from "./diagnosis/way.ts";

/** The registry to examine. */
export interface Patient {
  /** As users call it: `docker.io`, `registry.example:5000`. */
  readonly host: string;
  /** What a run opens it with. Retries and waiting are cut short here. */
  readonly options: RegistryOptions;
  /** The repository to read from and write to. Default: none, and the registry alone is examined. */
  readonly path?: string | undefined;
  /** The tag or digest of the image to read. Default: any tag. */
  readonly tag?: string | undefined;
  /** The names of the proxy variables that are set. Default: none. */
  readonly variables?: readonly string[] | undefined;
  /** Lines about the authorities that are trusted; asked after they were used. Default: none. */
  readonly trusted?: (() => readonly string[]) | undefined;
}

export interface DiagnoseOptions extends Call {
  /** Nothing is written, not even to be removed again. */
  readonly readOnly: boolean;
}

/** One try, and no patience: what is slow or flaky is to be seen. */
const HASTY = { retry: { attempts: 1, delay: 100, maximum: 500 }, stall: 5000 } as const;

/**
 * Examines and tells, finding by finding, in text that is safe to show. Never throws for what the registry does. When the
 * signal is aborted it removes what it wrote, in ten seconds at most, and then rejects.
 */
export async function* diagnose(patient: Patient, options: DiagnoseOptions): AsyncGenerator<Finding> {
  for await (const { check, state, said, advice } of examine(patient, options))
    yield { check, state, said: clean(said, 1000), ...(advice === undefined ? {} : { advice: clean(advice, 1000) }) };
}

async function* examine(patient: Patient, options: DiagnoseOptions): AsyncGenerator<Finding> {
  const { host, path = "" } = patient;
  const journal: Seen[] = [];
  const remains = createRemains();
  const settings = { ...patient.options, ...HASTY, transport: withRemains(transportOf(patient, journal), remains) };
  const examination: Examination = { client: openClient(host, settings), path, journal, signal: options.signal };
  const found = yield* guarded("credentials", examination, (own) => examineLogin(patient, own));
  if (!found) return;
  const origin = yield* guarded("connection", examination, (own) => examineOrigin(patient, own));
  if (origin === undefined) return;
  const greeting = yield* guarded("connection", examination, (own) => greet(own, origin));
  if (!greeting) return;
  const access = describeAccess(found.login, journal, origin, greeting.response);
  if (access) yield access;
  if (!greeting.isRegistry || access?.state === "failed") return;
  if (patient.path === undefined) {
    if (found.login && !access) yield untried("the registry greets everybody: the credentials were not tried");
    const advice = `dray doctor ${host}/REPOSITORY`;
    yield { check: "pull and push", state: "skipped", said: "no repository was named", advice };
    return;
  }
  const read = yield* guarded("pull", examination, (own) => examinePull(own, patient.tag));
  if (!read) return;
  if (!access) {
    const late = read.response && describeAccess(found.login, journal, origin, read.response);
    if (late) yield late;
    else if (found.login && !challengeIn(journal, origin))
      yield untried("nobody was asked who they are: the credentials were not tried");
  }
  if (found.login && read.name !== undefined) {
    const name = read.name;
    const nobody = { ...examination, client: openClient(host, { ...settings, credentials: undefined }) };
    yield* guarded("anonymous pull", nobody, (own) => examineAnonymous(own, name));
  }
  if (options.readOnly) yield { check: "push", state: "skipped", said: "--read-only was asked for" };
  else yield* examineWriting(examination, read, remains);
}

/** The network as a run would use it. */
function transportOf({ host, options }: Patient, journal: Seen[]): Transport {
  const { trust, proxy, transport } = options;
  const tls = trust && ((target: string) => trust(host, target));
  return withJournal(transport ?? createTransport({ tls, proxy }), journal);
}

async function* examineLogin(
  { host, options }: Patient,
  { path, signal }: Examination,
): AsyncGenerator<Finding, { readonly login: Login | undefined }> {
  const login = await options.credentials?.(host, path, { signal });
  yield describeLogin(host, login);
  return { login };
}

/** The way there, and what protects it. Returns the origin, `https://registry.example`; undefined where nobody answers. */
async function* examineOrigin(
  { host, options, variables, trusted }: Patient,
  { client, signal }: Examination,
): AsyncGenerator<Finding, string | undefined> {
  const { tlsVerify = true, proxy, resolve, trust } = options;
  const named = new URL(`https://${apiHost(host)}`);
  const mayBeOpen = !tlsVerify || isLoopback(named.hostname);
  if (!(yield* examineWay(named, { proxy, resolve, variables, mayBeOpen }, { signal }))) return undefined;
  const origin = await client.origin(about(client), { signal });
  const target = new URL(origin);
  yield describeEncryption(target, tlsVerify);
  if (target.protocol !== "https:") return origin;
  const tls = await trust?.(host, target.host);
  const certificate = await examineCertificate(target, { proxy: proxy?.(target), tls, signal });
  if (certificate) yield certificate;
  if (tlsVerify && tls) yield describeTrust(trusted?.() ?? []);
  return origin;
}

/** Greets. Who is not let in was answered all the same. */
async function* greet(examination: Examination, origin: string): AsyncGenerator<Finding, Greeting | undefined> {
  try {
    return yield* examineGreeting(examination);
  } catch (error) {
    examination.signal?.throwIfAborted();
    if (!isRefusal(error) && !challengeIn(examination.journal, origin)) throw error;
    yield { check: "connection", state: "ok", said: `answers at ${origin}` };
    yield failed("login", examination, error);
    return undefined;
  }
}

async function* examineWriting(examination: Examination, read: Read, remains: Remains): AsyncGenerator<Finding> {
  try {
    const before = { read: read.name !== undefined };
    const session = yield* guarded("push", examination, examinePush);
    if (!session) return;
    const layer = yield* guarded("upload", examination, (own) => examineUpload(own, session, before));
    if (layer) yield* guarded("manifests", examination, (own) => examineManifests(own, layer, before));
  } finally {
    const cleaning = await cleanUp(examination, remains);
    if (cleaning) yield cleaning;
  }
}

function untried(said: string): Finding {
  return { check: "login", state: "skipped", said };
}
