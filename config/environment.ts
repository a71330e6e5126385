/**
 * Reads the environment by the table of variables: values, files that hold secrets, defaults, and names that are
 * probably typing errors. Errors and warnings name variables, never their values.
 */
import { VARIABLES, type Values, type Variable } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a file as text; throws when it cannot. */
export type ReadFile = (path: string) => string;

export interface EnvironmentReading {
  readonly values: Values;
  /** The error of each variable that is missing or invalid, in the order of the table. */
  readonly errors: ReadonlyMap<string, string>;
  /** The same for lenient variables, whose default is used. */
  readonly ignored: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
}

/** The text of a file; undefined if it cannot be read, and an error that names the variable and not the path. */
export function readText(
  name: string,
  path: string,
  readFile: ReadFile,
  errors: string[],
): string | undefined {
  try {
    return readFile(path);
  } catch {
    errors.push(`${name}: the file cannot be read`);
    return undefined;
  }
}

/** Reads every variable of the table. What is wrong is in the result. */
export function readEnvironment(env: Environment, readFile: ReadFile): EnvironmentReading {
  const table = Object.entries<Variable<unknown>>(VARIABLES);
  const known = table.flatMap(([name, { secret }]) => (secret ? [name, `${name}_FILE`] : [name]));
  const warnings = describeUnknownNames(env, known);
  const results = new Map(table.map(([name, variable]) => [name, read(name, variable)]));

  function read(name: string, variable: Variable<unknown>): Result {
    const given = getText(name, variable, { env, readFile, warnings });
    const result = typeof given === 'string' ? parse(name, given, variable) : given;
    if (!variable.lenient || result.error === undefined || variable.default === undefined) return result;
    return { ...parse(name, variable.default, variable), error: result.error };
  }

  function isMissing(name: string, { required }: Variable<unknown>): boolean {
    const { value, error } = results.get(name) ?? {};
    if (required === undefined || value !== undefined || error !== undefined) return false;
    return required === true || required.unless.some((other) => results.get(other)?.value === undefined);
  }

  const errors = new Map<string, string>();
  const ignored = new Map<string, string>();
  for (const [name, variable] of table) {
    const error = isMissing(name, variable) ? `${name}: is required` : results.get(name)?.error;
    if (error !== undefined) (variable.lenient ? ignored : errors).set(name, error);
  }
  const values: object = Object.fromEntries(table.map(([name]) => [name, results.get(name)?.value]));
  if (!hasEveryVariable(values)) throw new Error('A variable of the table was not read.');
  return { values, errors, ignored, warnings };
}

/** Whether each variable has its entry. Entries come from the schemas of their variables, so they have their types. */
function hasEveryVariable(values: object): values is Values {
  return Object.keys(VARIABLES).every((name) => Object.hasOwn(values, name));
}

/** Neither, where a variable is unset and has no default. */
interface Result {
  readonly value?: unknown;
  readonly error?: string;
}

interface Sources {
  readonly env: Environment;
  readonly readFile: ReadFile;
  readonly warnings: string[];
}

/** The text of a variable: its own, that of the file that `NAME_FILE` names, or its default. */
function getText(
  name: string,
  variable: Variable<unknown>,
  { env, readFile, warnings }: Sources,
): string | Result {
  const direct = env[name] || undefined;
  if (direct !== undefined && isServiceAddress(name, direct)) {
    warnings.push(
      `${name}: holds the address of a Kubernetes Service; the default is used (enableServiceLinks: false avoids this)`,
    );
    return variable.default ?? {};
  }
  const path = variable.secret ? env[`${name}_FILE`] || undefined : undefined;
  if (path === undefined) return direct ?? variable.default ?? {};
  if (direct !== undefined) return { error: `${name}: is set twice, also as ${name}_FILE` };
  const errors: string[] = [];
  // Editors and secret stores end files with a line break that is not part of the secret.
  const content = readText(`${name}_FILE`, path, readFile, errors)?.replace(/\r?\n$/, '');
  const [error] = errors;
  return error === undefined ? content || {} : { error };
}

function parse(name: string, given: string, { schema }: Variable<unknown>): Result {
  const { success, data, error } = schema.safeParse(given);
  const wrapping = describeWrapping(given);
  // The items of a list are trimmed, so spaces are not part of them.
  if (success && (wrapping === undefined || Array.isArray(data))) return { value: data };
  return { error: `${name}: ${wrapping ?? error?.issues[0]?.message ?? 'is not valid'}` };
}

/**
 * How a pasted or quoted value is wrapped; undefined for a value that is not. A shell removes quotes; an env file, a
 * container and a manifest do not.
 */
function describeWrapping(value: string): string | undefined {
  if (/^(?:".*"|'.*'|`.*`|“.*”)$/s.test(value.trim())) {
    return 'has quotes around it, which are part of the value: remove them';
  }
  return value === value.trim()
    ? undefined
    : 'has spaces around it, which are part of the value: remove them';
}

// Unknown names: typing errors, variables of other programs, and what Kubernetes and Docker put into the environment
// of every container. None of them prevents the start.

/** Names with these prefixes are probably meant for this service. */
const OWN_PREFIXES = /^(?:AUTH0|CACHE|UPSTREAM)_\w+$/;

/**
 * What Kubernetes sets for each Service of the namespace unless `enableServiceLinks` is false, beside `NAME_PORT`
 * (Kubernetes documentation, "Accessing the Service", environment variables).
 */
const SERVICE_LINK =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;
const SERVICE_ADDRESS = /^(?:tcp|udp|sctp):\/\//;

/** Whether this is the address of a Service, which Kubernetes sets as `NAME_PORT` for a Service called `name`. */
function isServiceAddress(name: string, value: string): boolean {
  return name.endsWith('_PORT') && SERVICE_ADDRESS.test(value);
}

/**
 * A warning for each unknown name with one of the service's prefixes, with the nearest known name if one is near.
 * Service links are left out: they come from the platform, not from a person.
 */
function describeUnknownNames(env: Environment, known: readonly string[]): string[] {
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

/** A fifth of the letters may be wrong, or the last word missing or too many. */
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
      const replaced = getCell(previous, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
          ? getCell(beforePrevious, column - 2) + 1
          : Number.POSITIVE_INFINITY;
      current.push(
        Math.min(replaced, swapped, getCell(previous, column) + 1, getCell(current, column - 1) + 1),
      );
    }
    beforePrevious = previous;
    previous = current;
  }
  return getCell(previous, to.length);
}

function getCell(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
