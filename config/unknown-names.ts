/**
 * Environment names under our prefixes that are no variable of ours: typing errors, variables of other programs, and
 * what Kubernetes and Docker put into the environment of every container. None of them stops the start.
 */

/** Names under these prefixes are probably meant for this service. */
const OWN_PREFIXES = /^(?:AUTH0|CACHE|UPSTREAM)_\w+$/;

/**
 * What Kubernetes sets for each Service of the namespace unless `enableServiceLinks` is false, beside `NAME_PORT`
 * (Kubernetes documentation, "Accessing the Service", environment variables).
 */
const SERVICE_LINK =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;
const SERVICE_ADDRESS = /^(?:tcp|udp|sctp):\/\//;

/** Whether this is the address of a Service, which Kubernetes sets as `NAME_PORT` for a Service called `name`. */
export function isServiceAddress(name: string, value: string): boolean {
  return name.endsWith('_PORT') && SERVICE_ADDRESS.test(value);
}

/**
 * @param known every name that is read.
 * @returns a warning for each other name under a prefix of ours, with the known name that is nearest, if one is near.
 * It names no value. Service links are left out: they come from the platform, not from a person.
 */
export function describeUnknownNames(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): string[] {
  return Object.entries(env)
    .filter(([name, value = '']) => OWN_PREFIXES.test(name) && !known.includes(name) && !isLink(name, value))
    .map(([name]) => {
      const nearest = findNearest(name, known);
      return `${name}: unknown variable${nearest === undefined ? '' : `; did you mean ${nearest}?`}`;
    });
}

function isLink(name: string, value: string): boolean {
  return SERVICE_LINK.test(name) || isServiceAddress(name, value);
}

/** A share of the letters may be wrong, or a last word too many or too few. */
function findNearest(name: string, known: readonly string[]): string | undefined {
  const maxDistance = Math.max(2, name.length / 5);
  const near = known.flatMap((candidate) => {
    const difference = Math.abs(candidate.length - name.length);
    const isExtended = candidate.startsWith(`${name}_`) || name.startsWith(`${candidate}_`);
    if (!isExtended && difference > maxDistance) return [];
    const distance = isExtended ? difference : getDistance(name, candidate);
    return isExtended || distance <= maxDistance ? [{ candidate, distance }] : [];
  });
  return near.toSorted((a, b) => a.distance - b.distance)[0]?.candidate;
}

/** Letters to insert, remove, replace or swap with their neighbour (optimal string alignment). */
function getDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = cell(previous, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
          ? cell(beforePrevious, column - 2) + 1
          : Number.POSITIVE_INFINITY;
      current.push(Math.min(replaced, swapped, cell(previous, column) + 1, cell(current, column - 1) + 1));
    }
    beforePrevious = previous;
    previous = current;
  }
  return cell(previous, to.length);
}

function cell(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
