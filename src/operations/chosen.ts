/** Some of a store's images: those whose names match a pattern, or stand in a list. */
import { formatTagged, parseName } from "../oci/reference.ts";
import type { Store, StoreReference } from "../store/store.ts";

/** Whether an image is meant. */
export type Choice = (reference: StoreReference) => boolean;

/**
 * Images by patterns: `*` stands for any characters, `?` for one. A pattern is held against the whole name
 * (`docker.io/library/nginx:1.25`), the name without its registry, and for Docker Hub's own images, also those of a mirror, the
 * name that people use (`nginx:1.25`).
 */
export function choiceOf(patterns: readonly string[]): Choice {
  const expressions = patterns.map(expressionOf);
  return (reference) => namesOf(reference).some((name) => expressions.some((one) => one.test(name)));
}

/** The names that people know an image by. */
function namesOf({ path, tag, root }: StoreReference): readonly string[] {
  const { repository } = parseName(path);
  const short = repository.replace(/^library\//, "");
  return [path, repository, short].map((name) => formatTagged(name, tag, root.digest));
}

function expressionOf(pattern: string): RegExp {
  const source = [...pattern].map((one) => (one === "*" ? ".*" : one === "?" ? "." : RegExp.escape(one)));
  return new RegExp(`^${source.join("")}$`, "s");
}

/** The store, as if it had no other images. What they need is not read then. Disposing it disposes the whole. */
export function chosenIn(store: Store, isChosen: Choice): Store {
  return {
    ...store,
    async *references(options) {
      for await (const reference of store.references(options)) if (isChosen(reference)) yield reference;
    },
  };
}
