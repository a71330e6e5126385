/**
 * Writes that are made to keep other users waiting: one user sends them, and another user's cached read is repeated
 * meanwhile. What that read takes is what the event loop was held for.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { JsonValue } from '../src/lib/json.ts';
import { startProcess } from './process.ts';
import { type Bench, type Cell, goal, median, table } from './report.ts';
import { openTenant } from './tenant.ts';

interface Bomb {
  readonly name: string;
  readonly method: 'PATCH' | 'PUT';
  readonly mediaType: string;
  readonly body: string;
  /** How many are sent at once. */
  readonly times: number;
}

const MAX_MEDIAN_MS = 50;
const MAX_WORST_MS = 200;
/** Between two reads, so that their sender does not hold up what it measures. */
const PAUSE_MS = 2;
/** As many reads as a figure needs, also for a bomb that is over at once. */
const MIN_READS = 50;

const members = (count: number, value: JsonValue): JsonValue =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [index.toString(36), value]));
const items = (count: number, value: JsonValue): JsonValue => Array.from({ length: count }, () => value);
const repeat = (count: number, operations: readonly JsonValue[]): JsonValue[] =>
  Array.from({ length: count }, () => operations).flat();
const move = (from: string, path: string) => ({ op: 'move', from, path });
const copy = (from: string, path: string) => ({ op: 'copy', from, path });
const add = (path: string, value: JsonValue) => ({ op: 'add', path, value });
const remove = (path: string) => ({ op: 'remove', path });

function jsonPatch(name: string, operations: readonly JsonValue[], times = 3): Bomb {
  const mediaType = 'application/json-patch+json';
  return { name, method: 'PATCH', mediaType, body: JSON.stringify(operations), times };
}

function json(name: string, method: Bomb['method'], body: string): Bomb {
  return { name, method, mediaType: 'application/json', body, times: 3 };
}

const moves = repeat(499, [move('/a', '/b'), move('/b', '/a')]);
const churn = [add('/a/0', 1), remove('/a/0'), move('/a', '/x/y/b'), move('/x/y/b', '/a')];

const group = [add('/a', items(10, members(90, 1))), ...moves, remove('/a')];

const BOMBS: readonly Bomb[] = [
  jsonPatch('998 moves of 8,000 members', [add('/a', members(8_000, 1)), ...moves, remove('/a')]),
  jsonPatch('998 moves of 900 members', group),
  jsonPatch('moves of a changed list to another depth', [
    add('/a', items(3_900, 1)),
    add('/x', { y: {} }),
    ...repeat(249, churn),
  ]),
  jsonPatch('copies of a changed list', [
    add('/a', items(1_900, 1)),
    ...repeat(333, [add('/a/-', 1), copy('/a', '/b'), remove('/a/1')]),
  ]),
  jsonPatch('insertions at the head of a list', [
    add('/a', items(3_900, 1)),
    ...repeat(499, [add('/a/0', 1), remove('/a/0')]),
  ]),
  jsonPatch('copies of a text', [add('/s', 'x'.repeat(3_900)), ...repeat(999, [copy('/s', '/t')])]),
  jsonPatch('pointers of 40 levels', [
    add('/a', JSON.parse(`${'{"a":'.repeat(8)}1${'}'.repeat(8)}`)),
    ...repeat(999, [{ op: 'test', path: '/a'.repeat(9), value: 1 }]),
  ]),
  jsonPatch('1,000 operations that are none', repeat(1_000, [{ op: 'add', value: 1, path: 'x' }])),
  json('PUT of 50,000 items', 'PUT', JSON.stringify({ a: items(50_000, 1) })),
  json('PUT of 8,000 members', 'PUT', JSON.stringify({ a: members(8_000, 1) })),
  json('a merge patch of 6,000 nulls', 'PATCH', JSON.stringify({ a: members(6_000, null) })),
  json('50,000 levels', 'PUT', `${'['.repeat(50_000)}${']'.repeat(50_000)}`),
  json(
    '10,000 numbers that cannot be kept',
    'PUT',
    JSON.stringify(items(10_000, 1)).replaceAll('1', '1e-400'),
  ),
  jsonPatch('a group of 30 moves, at once', group, 30),
];

/** The row of a bomb, with what another user's cached read takes while it is under way. */
async function detonate(bomb: Bomb, url: string, sender: string, reader: string): Promise<Cell[]> {
  const latencies: number[] = [];
  const pending = { count: bomb.times };
  const statuses = Array.from({ length: bomb.times }, async () => {
    const headers = { authorization: `Bearer ${sender}`, 'content-type': bomb.mediaType };
    const response = await fetch(url, { method: bomb.method, headers, body: bomb.body });
    await response.arrayBuffer();
    pending.count -= 1;
    return response.status;
  });
  while (pending.count > 0 || latencies.length < MIN_READS) {
    const startedAt = performance.now();
    const response = await fetch(url, { headers: { authorization: `Bearer ${reader}` } });
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`a cached read was answered ${response.status}`);
    latencies.push(performance.now() - startedAt);
    await delay(PAUSE_MS);
  }
  const answered = [...new Set(await Promise.all(statuses))].join(', ');
  const [medianMs, worstMs] = [median(latencies), Math.max(...latencies)];
  const kilobytes = Math.round(bomb.body.length / 1_000);
  return [bomb.name, kilobytes, bomb.times, answered, Number(medianMs.toFixed(1)), Math.round(worstMs)];
}

/** Sends each bomb at the compiled service before the local tenant. */
export const benchPatchBombs: Bench = async (log) => {
  const tenant = await openTenant();
  const [sender, reader] = [await tenant.createToken('auth0|omar'), await tenant.createToken('auth0|jane')];
  const service = await startProcess(tenant.createService(reader));
  const rows: Cell[][] = [];
  try {
    const url = `http://127.0.0.1:${service.port}/me/metadata`;
    for (const bomb of BOMBS) {
      rows.push(await detonate(bomb, url, sender, reader));
      log(rows.at(-1)?.join(', ') ?? '');
    }
  } finally {
    await service.stop();
    await tenant.stop();
  }
  const worst = (column: number) => Math.max(...rows.map((row) => Number(row[column])));
  return {
    title: 'Patch bombs',
    body: [
      'One user sends writes that are made to be costly, several at once, while another user’s cached read is',
      'repeated. The times are those of that read, as a client on the same machine sees them.',
      '',
      table(['write', 'KB', 'at once', 'answered', 'median ms', 'worst ms'], rows),
      '',
      goal(`the median of a cached read stays below ${MAX_MEDIAN_MS} ms`, worst(4) < MAX_MEDIAN_MS),
      goal(`no cached read takes more than ${MAX_WORST_MS} ms`, worst(5) <= MAX_WORST_MS),
    ].join('\n'),
  };
};
