/** The store contract, over the client and other servers: our own, and those of the distribution project that are installed. */
import { describe } from "bun:test";
import { RegistryError } from "../../src/errors.ts";
import { openRegistry } from "../../src/registry/registry.ts";
import type { Sink, Store } from "../../src/store/store.ts";
import { type StoreUnderTest, testStore } from "../contract/store.ts";
import { startDebianRegistry } from "../support/debian-registry.ts";
import { DISTRIBUTIONS } from "../support/distributions.ts";
import { startRegistry } from "../support/registry.ts";

testStore("a registry", async () => under(await startRegistry()));

for (const { name, program, missing } of DISTRIBUTIONS)
  describe.skipIf(missing !== undefined)(`with ${name}`, () => {
    testStore("a distribution registry", async () => {
      const { store, close } = under(await startDebianRegistry({ program }));
      return { store: { ...store, repository: (path) => patched(store.repository(path)) }, close };
    });
  });

/** distribution answers 500, not 404, when it is asked for a manifest by the digest of a blob. */
function patched(sink: Sink): Sink {
  return {
    ...sink,
    async resolve(name, options) {
      try {
        return await sink.resolve(name, options);
      } catch (error) {
        if (error instanceof RegistryError && error.status === 500) return undefined;
        throw error;
      }
    },
  };
}

function under(server: { host: string; close(): Promise<void> }): StoreUnderTest {
  return {
    store: listed(openRegistry(server.host, { retry: { attempts: 2, delay: 1 } })),
    close: () => server.close(),
  };
}

/** A registry cannot be listed as a whole; the contract's own repositories can, by their tags. */
function listed(store: Store<Sink>): Store<Sink> {
  return {
    ...store,
    async *references(options) {
      for (const path of ["a", "a/b"])
        for await (const tag of store.repository(path).tags!(options)) {
          const root = await store.repository(path).resolve(tag, options);
          if (root) yield { path, tag, root };
        }
    },
  };
}
