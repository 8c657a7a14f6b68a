/** The images of a store that the user means: those of a list, of patterns, or all. */
import { AppError } from "../errors.ts";
import { formatTagged } from "../oci/reference.ts";
import { choiceOf, chosenIn } from "../operations/chosen.ts";
import type { Call, Store } from "../store/store.ts";
import { readList } from "./input.ts";
import { listStore } from "./list.ts";
import type { Listed } from "./report.ts";
import { numberImages } from "./wanted.ts";

export interface ChoiceFlags {
  /** A list of images. */
  readonly file?: string | undefined;
  /** Patterns, each may be several with commas between. */
  readonly only: readonly string[];
}

export interface Chosen {
  /** The store without its other images. */
  readonly store: Store;
  /** Its images; then those lines of the list that it has nothing for, which count as failed. */
  readonly listed: readonly Listed[];
}

/** Throws USAGE for patterns that no image has, and for a list without lines. */
export async function chooseImages(store: Store, { file, only }: ChoiceFlags, call: Call): Promise<Chosen> {
  const patterns = only.flatMap((one) => one.split(",")).filter((one) => one !== "");
  const matching = patterns.length === 0 ? store : chosenIn(store, choiceOf(patterns));
  if (file === undefined) return { store: matching, listed: await named(matching, patterns, call) };
  const list = numberImages(await readList(file, call), undefined);
  const lines = new Map(
    list.valid.map(({ listed, value: { registry, repository, tag, digest } }) => {
      const path = `${registry}/${repository}`;
      return [digest === undefined ? `${path}:${tag}` : `${path}@${digest}`, listed] as const;
    }),
  );
  const found = new Set<Listed>();
  const chosen = chosenIn(matching, ({ path, tag, root }) => {
    const line = lines.get(`${path}:${tag}`) ?? lines.get(`${path}@${root.digest}`);
    if (line) found.add(line);
    return line !== undefined;
  });
  const listed: Listed[] = [];
  for await (const { path, tag, root } of chosen.references(call)) {
    const name = formatTagged(path, tag, root.digest);
    listed.push({ image: { id: listed.length + 1, name }, line: name });
  }
  const rest = list.listed.filter((one) => !found.has(one));
  return { store: chosen, listed: [...listed, ...rest.map((one, at) => absent(one, listed.length + at + 1))] };
}

async function named(store: Store, patterns: readonly string[], call: Call): Promise<readonly Listed[]> {
  if (patterns.length === 0) return listStore(store, call);
  return listStore(store, call).catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== "USAGE") throw error;
    throw new AppError("USAGE", `Cannot find an image that is called "${patterns.join('", "')}"`, {
      hint: "dray ls tells the names; * stands for any characters, also slashes",
    });
  });
}

function absent({ image: { name }, line, error }: Listed, id: number): Listed {
  const reason = new AppError("NOT_FOUND", `Cannot load "${name}": it is not in the archive`);
  return { image: { id, name }, line, error: error ?? reason };
}
