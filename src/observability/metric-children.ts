/**
 * The children of a metric, each looked up by its labels once: prom-client hashes a labels object at every
 * use, which costs more than the counting. Only for labels whose values are few.
 */

/** @returns the child for these label values, made at its first use. */
export function children<L extends readonly string[], C>(make: (...labels: L) => C): (...labels: L) => C {
  const known = new Map<string, C>();
  return (...labels) => {
    const name = labels.join('\n');
    const found = known.get(name);
    if (found) return found;
    const child = make(...labels);
    known.set(name, child);
    return child;
  };
}
