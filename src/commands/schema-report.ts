/**
 * `schema-report`: whom would this schema lock out? Judges the stored metadata of every user in an export of Auth0,
 * offline and in bounded memory, and counts users by place and keyword. The report has no values, no ids, and no name
 * that the schema does not name itself.
 */
import { createReadStream, fstatSync, openSync } from 'node:fs';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { ReadFile } from '../../config/environment.ts';
import { loadPolicy } from '../../config/policy.ts';
import { SafeError } from '../lib/app-error.ts';
import { isJsonObject, type JsonObject, type JsonValue, nestsDeeperThan, pointerToken } from '../lib/json.ts';
import { getIntroducedViolations, WORK_MAX } from '../metadata/schema-rules.ts';
import { createEvaluation, createMeter, WorkExceeded } from '../metadata/schema/evaluation.ts';
import { loadSchema } from '../metadata/schema/load.ts';
import { getInPlace, type SchemaNode } from '../metadata/schema/node.ts';

/** Far more than a profile, which Auth0 caps at 10 KB. */
const MAX_LINE_BYTES = 1_048_576;
const MAX_DEPTH = 100;
/** A recursive schema has places without end. Those beyond are counted together. */
const MAX_ROWS = 1_000;
const MAX_LISTED_LINES = 20;
const PROGRESS_INTERVAL_MS = 100;
/** In place of a name that the schema does not name, or of a position. */
const ANY = '*';

export interface SchemaReport {
  /** Users that could be read. */
  readonly users: number;
  /** Those of them whose metadata the schema refuses. */
  readonly refused: number;
  readonly rows: ReadonlyArray<{
    readonly pointer: string;
    readonly keyword: string;
    readonly users: number;
  }>;
  /** How many lines hold no user, and the numbers of the first of them. */
  readonly badLines: { readonly count: number; readonly first: readonly number[] };
  /** Whether any user has `user_metadata`. Without it, the export was probably made without that field. */
  readonly hasMetadata: boolean;
}

/** Counts users, line by line. */
interface Counter {
  addLine(line: Buffer | 'too long'): void;
  getReport(): SchemaReport;
}

/** @throws SafeError for a schema that cannot be enforced. */
export function createCounter(schema: JsonObject): Counter {
  const { root } = loadSchema(schema);
  const rows = new Map<string, { pointer: string; keyword: string; users: number }>();
  const badLines: number[] = [];
  let [lines, users, refused, bad] = [0, 0, 0, 0];
  let hasMetadata = false;

  function count(pointer: string, keyword: string, seen: Set<string>): void {
    const key = JSON.stringify([pointer, keyword]);
    const isFull = !rows.has(key) && rows.size >= MAX_ROWS;
    const row = isFull ? { pointer: ANY, keyword: ANY, users: 0 } : { pointer, keyword, users: 0 };
    const name = isFull ? ANY : key;
    if (seen.has(name)) return;
    seen.add(name);
    const known = rows.get(name) ?? row;
    known.users += 1;
    rows.set(name, known);
  }

  function addUser(metadata: JsonValue): void {
    const seen = new Set<string>();
    if (nestsDeeperThan(metadata, MAX_DEPTH)) {
      count('', 'too_complex', seen);
    } else {
      try {
        const evaluation = createEvaluation(createMeter(WORK_MAX));
        const place = evaluation.places.createRoot(metadata);
        if (evaluation.isValid(root, place)) return;
        for (const { path, code } of getIntroducedViolations(root, undefined, place, evaluation)) {
          count(generalizePath(root, path, metadata), code, seen);
        }
      } catch (error) {
        if (!(error instanceof WorkExceeded)) throw error;
        count('', 'too_complex', seen);
      }
    }
    refused += 1;
  }

  return {
    addLine(line) {
      lines += 1;
      if (line !== 'too long' && isBlank(line)) return;
      const user = line === 'too long' ? undefined : parseUser(line);
      if (!user) {
        bad += 1;
        if (badLines.length < MAX_LISTED_LINES) badLines.push(lines);
        return;
      }
      users += 1;
      const metadata = user['user_metadata'] ?? undefined;
      if (metadata === undefined) return;
      hasMetadata = true;
      addUser(metadata);
    },
    getReport: () => ({
      users,
      refused,
      rows: [...rows.values()].toSorted(
        (a, b) => b.users - a.users || (`${a.pointer} ${a.keyword}` < `${b.pointer} ${b.keyword}` ? -1 : 1),
      ),
      badLines: { count: bad, first: badLines },
      hasMetadata,
    }),
  };
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseUser(line: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(line));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The pointer with `*` for what is the user's own: names that no schema for the place names, and positions beyond those
 * that the schema lists.
 */
export function generalizePath(root: SchemaNode, path: readonly string[], document: JsonValue): string {
  let nodes = getAllInPlace([root]);
  let value: JsonValue | undefined = document;
  let pointer = '';
  for (const name of path) {
    const isItem = Array.isArray(value);
    const isNamed = nodes.some((node) =>
      isItem ? Number(name) < node.prefixItems.length : namesMember(node, name),
    );
    pointer += `/${isNamed ? pointerToken(name) : ANY}`;
    nodes = getAllInPlace(
      nodes.flatMap((node) => (isItem ? getItemSchemas(node, name) : getMemberSchemas(node, name))),
    );
    value = isItem && Array.isArray(value) ? value[Number(name)] : getOwn(value, name);
  }
  return pointer;
}

function getOwn(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function namesMember(
  { properties, required, dependentRequired, dependentSchemas }: SchemaNode,
  name: string,
): boolean {
  return (
    properties.has(name) ||
    required.includes(name) ||
    dependentSchemas.has(name) ||
    dependentRequired.has(name) ||
    [...dependentRequired.values()].some((others) => others.includes(name))
  );
}

function getMemberSchemas(node: SchemaNode, name: string): readonly SchemaNode[] {
  const { properties, patternProperties, additionalProperties, unevaluatedProperties } = node;
  return [
    properties.get(name),
    ...patternProperties
      .filter(({ pattern }) => pattern.test(name, createMeter(WORK_MAX)))
      .map((rule) => rule.node),
    additionalProperties,
    unevaluatedProperties,
  ].filter((each) => each !== undefined);
}

function getItemSchemas({ prefixItems, items, contains, unevaluatedItems }: SchemaNode, name: string) {
  return [prefixItems[Number(name)], items, contains, unevaluatedItems].filter((each) => each !== undefined);
}

function getAllInPlace(nodes: readonly SchemaNode[]): readonly SchemaNode[] {
  const all = new Set(nodes);
  for (const node of all) for (const part of getInPlace(node)) all.add(part);
  return [...all];
}

/**
 * Reads an export to its end. Holds one line at a time.
 * @param onBytes gets the number of bytes that each piece of the export had, before it is decompressed.
 */
export async function readExport(
  source: Readable,
  counter: Counter,
  onBytes: (count: number) => void,
): Promise<void> {
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      onBytes(chunk.length);
      done(null, chunk);
    },
  });
  await pipeline(source, counted, decompress, (chunks: AsyncIterable<Buffer>) => splitLines(chunks, counter));
}

/** Gzip is known by its first two bytes (RFC 1952 section 2.3.1). */
async function* decompress(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const iterator = chunks[Symbol.asyncIterator]();
  let begin = Buffer.alloc(0);
  let next = await iterator.next();
  while (next.done !== true && begin.length < 2) {
    begin = Buffer.concat([begin, next.value]);
    if (begin.length < 2) next = await iterator.next();
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield begin;
    for (let rest = await iterator.next(); rest.done !== true; rest = await iterator.next()) yield rest.value;
  }
  if (begin[0] !== 0x1f || begin[1] !== 0x8b) {
    yield* all();
    return;
  }
  const gunzip = createGunzip();
  const unpacked = pipeline(all, gunzip);
  // A failure comes out of the loop as well.
  unpacked.catch(() => undefined);
  for await (const chunk of gunzip) if (Buffer.isBuffer(chunk)) yield chunk;
}

async function splitLines(chunks: AsyncIterable<Buffer>, counter: Counter): Promise<void> {
  let pieces: Buffer[] = [];
  let bytes = 0;
  const add = (piece: Buffer) => {
    bytes += piece.length;
    if (bytes <= MAX_LINE_BYTES) pieces.push(piece);
    else pieces = [];
  };
  const end = () => {
    counter.addLine(bytes > MAX_LINE_BYTES ? 'too long' : Buffer.concat(pieces));
    pieces = [];
    bytes = 0;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let to = chunk.indexOf(0x0a); to >= 0; to = chunk.indexOf(0x0a, from)) {
      add(chunk.subarray(from, to));
      end();
      from = to + 1;
    }
    add(chunk.subarray(from));
  }
  if (bytes > 0) end();
}

/** The text of a report, and what its reader should know of it. */
export function renderReport({ users, refused, rows, badLines, hasMetadata }: SchemaReport): {
  readonly text: string;
  readonly notes: readonly string[];
} {
  const share = users === 0 ? '' : ` (${((100 * refused) / users).toFixed(2)} %)`;
  const table = [
    ['users', 'pointer', 'keyword'],
    ...rows.map((row) => [String(row.users), row.pointer || '(document)', row.keyword]),
  ];
  const widths = [0, 1].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map(
    ([count = '', place = '', keyword = '']) =>
      `${count.padStart(widths[0] ?? 0)}  ${place.padEnd(widths[1] ?? 0)}  ${keyword}`,
  );
  const { count, first } = badLines;
  const more = count > first.length ? ` and ${count - first.length} more` : '';
  return {
    text: [
      `${users} ${users === 1 ? 'user' : 'users'}, ${refused} of them with metadata that the schema refuses${share}`,
      ...(rows.length > 0 ? ['', ...lines] : []),
      '',
    ].join('\n'),
    notes: [
      ...(count > 0
        ? [
            `${count} ${count === 1 ? 'line holds' : 'lines hold'} no user: ${count === 1 ? 'line' : 'lines'} ${first.join(', ')}${more}`,
          ]
        : []),
      ...(users > 0 && !hasMetadata ? ['No user has user_metadata: export the users with that field.'] : []),
    ],
  };
}

/**
 * Prints the report of an export; `-` is standard input. Where standard error is a terminal, it shows the progress.
 * @returns the exit code: 1 where more users than `maxRefused` are refused, or none could be read.
 * @throws SafeError for a policy or an export that cannot be used.
 */
export async function printSchemaReport(
  path: string,
  policyPath: string,
  readFile: ReadFile,
  maxRefused: number,
): Promise<number> {
  const errors: string[] = [];
  const policy = loadPolicy(policyPath, readFile, errors);
  if (!policy) throw new SafeError(errors.join('\n'));
  const { schema } = policy.userMetadata;
  if (schema === undefined) throw new SafeError('The policy has no schema, so it refuses no metadata.');
  const counter = createCounter(schema);
  const { source, size } = openExport(path);
  const progress = createProgress(process.stderr, size, () => counter.getReport().users);
  try {
    await readExport(source, counter, (count) => progress.add(count));
  } catch (error) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
    const isZlib = typeof code === 'string' && code.startsWith('Z_');
    if (code === undefined) throw error;
    throw new SafeError(
      isZlib ? 'The export is damaged: it is not complete gzip.' : 'The export cannot be read.',
    );
  } finally {
    progress.clear();
  }
  const report = counter.getReport();
  const { text, notes } = renderReport(report);
  process.stdout.write(text);
  for (const note of notes) process.stderr.write(`${note}\n`);
  return report.users === 0 || report.refused > maxRefused ? 1 : 0;
}

/** @returns the size in bytes where it is known, of a file. */
function openExport(path: string): { readonly source: Readable; readonly size: number | undefined } {
  if (path === '-') return { source: process.stdin, size: undefined };
  try {
    const fd = openSync(path, 'r');
    const file = fstatSync(fd);
    return { source: createReadStream('', { fd }), size: file.isFile() ? file.size : undefined };
  } catch {
    throw new SafeError('The export cannot be read.');
  }
}

const BAR_WIDTH = 30;

interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** A line that is rewritten while an export of `size` bytes is read. Nothing where that is no terminal. */
export function createProgress(
  terminal: Terminal,
  size: number | undefined,
  getUsers: () => number,
  now: () => number = () => performance.now(),
) {
  const isShown = terminal.isTTY === true;
  let bytes = 0;
  let shownAt = 0;
  return {
    add(count: number): void {
      bytes += count;
      if (!isShown || now() - shownAt < PROGRESS_INTERVAL_MS) return;
      shownAt = now();
      const share = size === undefined || size === 0 ? undefined : Math.min(1, bytes / size);
      const full = Math.round(BAR_WIDTH * (share ?? 0));
      const bar =
        share === undefined
          ? ''
          : `[${'#'.repeat(full)}${' '.repeat(BAR_WIDTH - full)}] ${String(Math.floor(100 * share)).padStart(3)} %  `;
      terminal.write(`\r${bar}${getUsers()} users`);
    },
    clear(): void {
      if (isShown && shownAt > 0) terminal.write('\r\u001b[K');
    },
  };
}
