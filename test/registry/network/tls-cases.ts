/** TLS to real servers, with certificates made here: the cases for both runtimes. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createTrust, type Trust } from "../../../src/registry/network/tls.ts";
import { createTransport } from "../../../src/registry/network/transport.ts";
import type { Exchange, Transport } from "../../../src/registry/wire/exchange.ts";
import { networkReason, troubleOf } from "../../../src/registry/wire/trouble.ts";
import { createAuthority, type Pair, selfSigned } from "../../support/certificates.ts";
import { type Echo, type EchoOptions, startEcho } from "../../support/echo-server.ts";
import { type Cases, runCases } from "../../support/run-cases.ts";
import { temporaryFolder } from "../../support/temporary.ts";

const AUTHORITY = createAuthority();
const LEAF = AUTHORITY.issue({ names: ["localhost", "127.0.0.1"] });
const NOWHERE = { files: [], folders: [] };
const HERE = "registry.example";

function over(trust: Trust, registry = HERE): Transport {
  return createTransport({ tls: (target) => trust(registry, target) });
}

async function ask(send: Transport, url: string, exchange: Partial<Exchange> = {}): Promise<Echo> {
  const response = await send(url, { method: "GET", headers: {}, ...exchange });
  assert.equal(response.status, 200);
  return (await response.json()) as Echo;
}

async function failure(send: Transport, url: string): Promise<string> {
  const error = await ask(send, url).then(
    () => assert.fail("it was trusted"),
    (thrown: unknown) => thrown,
  );
  assert.equal(troubleOf(error), "certificate");
  return networkReason(error);
}

/** Files by their paths in a folder, as long as `work` lasts. */
async function withFiles(
  files: Readonly<Record<string, string>>,
  work: (path: string) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder.path, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  await work(folder.path);
}

async function withServer(options: EchoOptions, work: (url: string, port: number) => Promise<void>): Promise<void> {
  await using server = await startEcho(options);
  await work(`https://localhost:${server.port}/`, server.port);
}

async function refusal(tls: Pair): Promise<string> {
  let reason = "";
  await withFiles({ "ca.pem": AUTHORITY.cert }, (path) =>
    withServer({ tls }, async (url) => {
      reason = await failure(over(createTrust({ files: [join(path, "ca.pem")], system: NOWHERE })), url);
    }),
  );
  return reason;
}

export const cases: Cases = {
  "an authority that nobody knows is refused": async () => {
    await withServer({ tls: LEAF }, async (url) => {
      const reason = "its certificate is not trusted: its authority is unknown here";
      assert.equal(await failure(over(createTrust({ system: NOWHERE })), url), reason);
      assert.equal(await failure(createTransport(), url), reason);
    });
  },

  "a file of the user's is added, for names and addresses, and connections are kept": async () => {
    await withFiles({ "ca.pem": `a note\n${AUTHORITY.cert}${createAuthority("Another").cert}` }, async (path) => {
      await using server = await startEcho({ tls: LEAF });
      const send = over(createTrust({ files: [join(path, "ca.pem")], system: NOWHERE }));
      for (let at = 0; at < 5; at++) await ask(send, `https://localhost:${server.port}/`);
      assert.equal(server.clients.length, 1);
      await ask(send, `https://127.0.0.1:${server.port}/`);
      const body = new Uint8Array(70_000);
      const upload = {
        length: 140_000,
        async *open() {
          yield body;
          yield body;
        },
      };
      const { size, headers } = await ask(send, `https://localhost:${server.port}/`, { method: "PUT", upload });
      assert.deepEqual([size, headers["content-length"], headers["transfer-encoding"]], [140_000, "140000", undefined]);
    });
  },

  "a file or a folder of the system's is added": async () => {
    await withFiles({ "file.crt": AUTHORITY.cert, "folder/some.pem": AUTHORITY.cert }, (path) =>
      withServer({ tls: LEAF }, async (url) => {
        const files = [join(path, "none"), join(path, "file.crt")];
        await ask(over(createTrust({ system: { files, folders: [] } })), url);
        await ask(over(createTrust({ system: { files: [], folders: [join(path, "folder")] } })), url);
      }),
    );
  },

  "certs.d of the registry counts for it and for where it sends us, and for nobody else": async () => {
    await withServer({ tls: LEAF }, async (url, port) => {
      await withFiles(
        { [`${HERE}/ca.crt`]: AUTHORITY.cert, [`localhost:${port}/ca.crt`]: AUTHORITY.cert },
        async (path) => {
          const trust = createTrust({ certs: [join(path, "none"), path], system: NOWHERE });
          await ask(over(trust), url);
          await ask(over(trust, `localhost:${port}`), url);
          await ask(over(trust, "other.example"), url);
          assert.match(await failure(over(trust, "other.example"), `https://127.0.0.1:${port}/`), /unknown here/);
        },
      );
    });
  },

  "a client certificate is shown to the registry that it is for, to others not": async () => {
    const { cert, key } = AUTHORITY.issue({ commonName: "me" });
    await using server = await startEcho({ tls: LEAF, clients: AUTHORITY.cert });
    const [own, other] = [`localhost:${server.port}`, `127.0.0.1:${server.port}`];
    await withFiles(
      { [`${own}/ca.crt`]: AUTHORITY.cert, [`${own}/me.cert`]: cert, [`${own}/me.key`]: key },
      async (path) => {
        const send = over(createTrust({ certs: [path], system: NOWHERE }), own);
        await ask(send, `https://${own}/`);
        await ask(send, `https://${other}/`);
        await ask(send, `https://${own}/`, { unverified: true });
        assert.deepEqual(server.clients, ["me", undefined, "me"]);
      },
    );
  },

  "a client certificate that is wanted and not there is said": async () => {
    await withFiles({ "ca.pem": AUTHORITY.cert }, (path) =>
      withServer({ tls: LEAF, clients: AUTHORITY.cert, required: true }, async (url) => {
        const trust = createTrust({ files: [join(path, "ca.pem")], system: NOWHERE });
        assert.equal(await failure(over(trust), url), "it wants a client certificate");
      }),
    );
  },

  "a certificate that is its own authority counts once it is given": async () => {
    const tls = selfSigned({ names: ["localhost"] });
    await withFiles({ "leaf.pem": tls.cert }, (path) =>
      withServer({ tls }, async (url) => {
        const trust = createTrust({ files: [join(path, "leaf.pem")], system: NOWHERE });
        await ask(over(trust), url);
        await ask(over(trust), url);
        assert.equal(
          await failure(over(createTrust({ system: NOWHERE })), url),
          "its certificate is not trusted: it is signed by itself",
        );
      }),
    );
  },

  "a certificate that has expired is refused as such": async () => {
    const [from, until] = [new Date("2020-01-01"), new Date("2021-01-01")];
    const reason = await refusal(AUTHORITY.issue({ names: ["localhost"], from, until }));
    assert.equal(reason, "its certificate is not trusted: it has expired");
  },

  "a certificate for other names is refused with these": async () => {
    const reason = await refusal(AUTHORITY.issue({ names: ["other.test", "10.0.0.1"] }));
    assert.equal(reason, "its certificate is not for this name, but for other.test, 10.0.0.1");
  },

  "unverified takes what comes, and a verified request after it does not": async () => {
    await withServer({ tls: LEAF }, async (url) => {
      const send = over(createTrust({ system: NOWHERE }));
      await ask(send, url, { unverified: true });
      assert.match(await failure(send, url), /unknown here/);
    });
  },

  "plain http where TLS was expected is known as such": async () => {
    await using server = await startEcho();
    const error = await ask(createTransport(), `https://localhost:${server.port}/`).catch((thrown: unknown) => thrown);
    assert.equal(troubleOf(error), "not-tls");
  },
};

if (import.meta.main) await runCases(cases);
