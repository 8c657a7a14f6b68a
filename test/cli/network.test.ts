/** Flags and variables of the network. */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Network, openNetwork } from "../../src/cli/network.ts";
import { createAuthority } from "../support/certificates.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { errorOf } from "../support/thrown.ts";

const QUIET = { onDetail: () => {}, onWarning: () => {} };

function at({ proxy }: Network, url: string): string | undefined {
  return proxy(new URL(url))?.url;
}

test("proxies are those of the variables, which are taken away from the runtime", async () => {
  const env = {
    HTTPS_PROXY: "http://u:p@a:1",
    http_proxy: "b:2",
    NO_PROXY: "near.example",
    ALL_PROXY: "c:3",
    HOME: "/x",
  };
  const before = { ...env };
  const network = await openNetwork({ env, ...QUIET });
  expect(at(network, "https://r.example/")).toBe("http://a:1");
  expect(at(network, "http://r.example/")).toBe("http://b:2");
  expect(at(network, "https://near.example/")).toBeUndefined();
  expect<object>(env).toEqual({ HOME: "/x" });
  expect({ ...env, ...network.variables }).toEqual(before);
  const again = await openNetwork({ env, ...QUIET });
  expect(at(again, "https://r.example/")).toBe("http://a:1");
});

test("capitals come first, an empty variable is none, ALL_PROXY is not ours", async () => {
  const network = await openNetwork({
    env: { HTTPS_PROXY: "", https_proxy: "low:1", HTTP_PROXY: "up:1", http_proxy: "low:1" },
    ...QUIET,
  });
  expect([at(network, "https://r.example/"), at(network, "http://r.example/")]).toEqual([
    "http://low:1",
    "http://up:1",
  ]);
  expect(at(await openNetwork({ env: { ALL_PROXY: "a:1" }, ...QUIET }), "https://r.example/")).toBeUndefined();
});

test("HTTP_PROXY may be a stranger's header where a web server started us", async () => {
  const network = await openNetwork({
    env: { HTTP_PROXY: "evil:1", HTTPS_PROXY: "good:1", REQUEST_METHOD: "GET" },
    ...QUIET,
  });
  expect([at(network, "http://r.example/"), at(network, "https://r.example/")]).toEqual([undefined, "http://good:1"]);
});

test("a variable that cannot be used is an error for whom it concerns", async () => {
  const network = await openNetwork({
    env: { HTTPS_PROXY: "socks5://u:secret@p:1", NO_PROXY: "near.example" },
    ...QUIET,
  });
  expect(at(network, "https://near.example/")).toBeUndefined();
  expect(await errorOf(() => at(network, "https://r.example/"))).toBe(
    "USAGE: Cannot use the proxy of HTTPS_PROXY: SOCKS proxies are not supported",
  );
});

test("--ca-file is read at once, SSL_CERT_FILE and SSL_CERT_DIR when they are needed", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "ca.pem");
  const env = { SSL_CERT_FILE: file, SSL_CERT_DIR: `${folder.path}:/nowhere`, HOME: folder.path };
  expect(await errorOf(() => openNetwork({ caFile: file, env, ...QUIET }))).toBe(
    `USAGE: Cannot read certificates "${file}": no such file or directory`,
  );
  const lines: string[] = [];
  const network = await openNetwork({ ...QUIET, env, onDetail: (line) => lines.push(line) });
  await writeFile(file, createAuthority().cert);
  expect((await network.trust("r.example", "r.example")).added).toHaveLength(1);
  expect(lines).toEqual([
    `TLS trusts ${file}: 1 certificate, 1 of them new`,
    `TLS trusts ${folder.path}: 1 certificate, 0 of them new`,
  ]);
});

test("a file of authorities that is not there is told, since the system's are not read then", async () => {
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  await openNetwork({ ...QUIET, env: { SSL_CERT_FILE: import.meta.path }, onWarning });
  expect(warnings).toEqual([]);
  const missing = `${import.meta.path}.none`;
  await openNetwork({ ...QUIET, env: { SSL_CERT_FILE: missing }, onWarning });
  expect(warnings).toEqual([`SSL_CERT_FILE is "${missing}", and there is no such file: no authority is read from it`]);
});
