/** Keeps tests on this machine: a request to anything but loopback, and a question for its address, fails at once. */
import { mock } from "bun:test";
import * as dns from "node:dns/promises";

const real = globalThis.fetch;
const guarded = (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
  const url = new URL(input instanceof Request ? input.url : input);
  if (!/^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|.*\.test)$/.test(url.hostname))
    return Promise.reject(new Error(`a test asked for ${url.host}`));
  return real(input, init);
};
globalThis.fetch = Object.assign(guarded, { preconnect: real.preconnect });

const { lookup } = dns;
await mock.module("node:dns/promises", () => ({
  ...dns,
  lookup: (name: string, options: object) =>
    /^(?:.+\.)?localhost$/.test(name)
      ? lookup(name, options)
      : Promise.reject(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: "ENOTFOUND" })),
}));
