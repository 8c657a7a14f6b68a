/** Keeps tests on this machine: a request to anything but loopback fails at once. */
const real = globalThis.fetch;
const guarded = (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
  const url = new URL(input instanceof Request ? input.url : input);
  if (!/^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|.*\.test)$/.test(url.hostname))
    return Promise.reject(new Error(`a test asked for ${url.host}`));
  return real(input, init);
};
globalThis.fetch = Object.assign(guarded, { preconnect: real.preconnect });
