/** Scopes: what a token allows. Distribution token authentication, "Requesting a Token": `type:name:action,action`. */

/** The order in which actions are asked for. */
const ACTIONS = ["pull", "push", "delete"];

/** One entry for each resource, in the order of first mention, with all of its actions. */
export function mergeScopes(scopes: readonly string[]): string[] {
  const merged = new Map<string, Set<string>>();
  for (const scope of scopes.flatMap((list) => list.split(/\s+/)).filter(Boolean)) {
    const { resource, actions } = split(scope);
    const known = merged.get(resource) ?? new Set();
    for (const action of actions) known.add(action);
    merged.set(resource, known);
  }
  return [...merged].map(([resource, actions]) => {
    const usual = ACTIONS.filter((action) => actions.has(action));
    const others = [...actions].filter((action) => !ACTIONS.includes(action)).sort();
    return actions.size === 0 ? resource : `${resource}:${[...usual, ...others].join(",")}`;
  });
}

/** Whether a token for the merged scopes `have` allows all of `wanted`. */
export function covers(have: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((want) => {
    const { resource, actions } = split(want);
    return have.some((one) => {
      const held = split(one);
      return held.resource === resource && actions.every((action) => held.actions.includes(action));
    });
  });
}

/** The repository that the first scope is for; "" where that is for something else. */
export function repositoryOf([first = ""]: readonly string[]): string {
  return /^repository(?:\([^)]*\))?:(.+):[^:]*$/.exec(first)?.[1] ?? "";
}

/** The name may hold a colon (a host with a port), so the actions begin at the last one. */
function split(scope: string): { resource: string; actions: string[] } {
  const first = scope.indexOf(":");
  const last = scope.lastIndexOf(":");
  if (last <= first) return { resource: scope, actions: [] };
  return {
    resource: scope.slice(0, last),
    actions: scope
      .slice(last + 1)
      .split(",")
      .filter(Boolean),
  };
}
