/**
 * The children of a metric, each looked up by its labels once: prom-client hashes a labels object at every
 * use, which costs more than the counting. Only for labels whose values are few.
 */

/** @returns the child for these label values, made at its first use. */
export function children<L extends readonly string[], C>(make: (...labels: L) => C): (...labels: L) => C {
  // A map in a map for each label but the last: a text made of all would have to be made, and read, each time.
  const root: Branch<C> = { child: undefined, branches: new Map() };
  return (...labels) => {
    let at = root;
    for (const label of labels) at = branchOf(at, label);
    at.child ??= make(...labels);
    return at.child;
  };
}

interface Branch<C> {
  child: C | undefined;
  readonly branches: Map<string, Branch<C>>;
}

function branchOf<C>({ branches }: Branch<C>, label: string): Branch<C> {
  const known = branches.get(label);
  if (known) return known;
  const branch: Branch<C> = { child: undefined, branches: new Map() };
  branches.set(label, branch);
  return branch;
}
