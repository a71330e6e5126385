/**
 * Writes that mean to keep everybody else waiting: one user sends them, and another one's cached read is asked for all
 * the while. What that read takes is what the event loop was held for.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { packageRoot } from '../demo/package-root.ts';
import { startTenant } from '../packages/local-tenant/src/tenant.ts';
import type { JsonValue } from '../src/lib/json.ts';
import { startProcess } from './requests/process.ts';
import { getRequest } from './requests/requests.ts';
import { type Bench, type Cell, goal, table } from './report.ts';
import { percentile } from './simulation/score.ts';

interface Bomb {
  readonly name: string;
  readonly method: 'PATCH' | 'PUT';
  readonly mediaType: string;
  readonly body: string;
  /** How many are sent at once. */
  readonly times: number;
}

const MEDIAN_MS_MAX = 50;
const WORST_MS_MAX = 200;
/** Between two reads, so that their sender does not hold up what it measures. */
const PAUSE_MS = 2;
/** As many reads as a figure needs, also for a bomb that is over at once. */
const READS_MIN = 50;

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

function json(name: string, method: Bomb['method'], body: string, times = 3): Bomb {
  return { name, method, mediaType: 'application/json', body, times };
}

const moves = repeat(499, [move('/a', '/b'), move('/b', '/a')]);
const churn = [add('/a/0', 1), remove('/a/0'), move('/a', '/x/y/b'), move('/x/y/b', '/a')];

const BOMBS: readonly Bomb[] = [
  jsonPatch('998 moves of 8,000 members', [add('/a', members(8_000, 1)), ...moves, remove('/a')]),
  jsonPatch('998 moves of 900 members', [add('/a', items(10, members(90, 1))), ...moves, remove('/a')]),
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
  jsonPatch(
    'a group of 30 moves, at once',
    [add('/a', items(10, members(90, 1))), ...moves, remove('/a')],
    30,
  ),
];

/** What another user's cached read takes while the bomb is under way. */
async function detonate(bomb: Bomb, url: string, sender: string, reader: string) {
  const latencies: number[] = [];
  const answers = { awaited: bomb.times };
  const statuses = Array.from({ length: bomb.times }, async () => {
    const response = await fetch(url, {
      method: bomb.method,
      headers: { authorization: `Bearer ${sender}`, 'content-type': bomb.mediaType },
      body: bomb.body,
    });
    await response.arrayBuffer();
    answers.awaited -= 1;
    return response.status;
  });
  while (answers.awaited > 0 || latencies.length < READS_MIN) {
    const startedAt = performance.now();
    const response = await fetch(url, { headers: { authorization: `Bearer ${reader}` } });
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`a cached read was answered ${response.status}`);
    latencies.push(performance.now() - startedAt);
    await delay(PAUSE_MS);
  }
  const sorted = latencies.toSorted((a, b) => a - b);
  const answered = [...new Set(await Promise.all(statuses))].join(', ');
  return { medianMs: percentile(sorted, 0.5), worstMs: sorted.at(-1) ?? 0, answered };
}

async function tokenOf(tenantUrl: string, sub: string): Promise<string> {
  const response = await fetch(`${tenantUrl}/_local/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sub, scope: 'read:metadata update:metadata' }),
  });
  const { access_token: token }: { readonly access_token: string } = JSON.parse(await response.text());
  return token;
}

/** Sends each bomb at the compiled service before the local tenant. */
export const benchPatchBombs: Bench = async (log) => {
  const tenant = await startTenant();
  const [sender, reader] = [await tokenOf(tenant.url, 'auth0|omar'), await tokenOf(tenant.url, 'auth0|jane')];
  const program = {
    file: join(packageRoot(import.meta.dirname), '.build', 'src', 'main.js'),
    env: {
      AUDIENCE: tenant.apiAudience,
      AUTH0_DOMAIN: 'tenant.example',
      AUTH0_MANAGEMENT_URL: tenant.url,
      AUTH0_CLIENT_ID: 'local-bff',
      AUTH0_CLIENT_SECRET: 'local-secret',
      ISSUER_BASE_URL: tenant.url,
      POLICY_FILE: join(packageRoot(import.meta.dirname), 'config', 'policy.json'),
      // What a person may do in a minute is not what is measured.
      USER_READS_PER_MINUTE: '0',
      USER_WRITES_PER_MINUTE: '0',
    },
    probed: false,
  };
  const service = await startProcess(program, getRequest(reader));
  const rows: Cell[][] = [];
  try {
    for (const bomb of BOMBS) {
      const url = `http://127.0.0.1:${service.port}/me/metadata`;
      const { medianMs, worstMs, answered } = await detonate(bomb, url, sender, reader);
      const kilobytes = Math.round(bomb.body.length / 1_000);
      rows.push([
        bomb.name,
        kilobytes,
        bomb.times,
        answered,
        Number(medianMs.toFixed(1)),
        Math.round(worstMs),
      ]);
      log(`${bomb.name}: ${answered}, median ${medianMs.toFixed(1)} ms, worst ${worstMs.toFixed(0)} ms`);
    }
  } finally {
    await service.stop();
    await tenant.stop();
  }
  const worst = (column: number) => Math.max(...rows.map((row) => Number(row[column])));
  return {
    title: 'Patch bombs',
    body: [
      'One user sends writes that are made to be costly, several at once; another one’s cached read is repeated meanwhile.',
      'The times are those of that read, as a client on the same machine sees them.',
      '',
      table(['write', 'KB', 'at once', 'answered', 'median ms', 'worst ms'], rows),
      '',
      goal(`the median of a cached read stays below ${MEDIAN_MS_MAX} ms`, worst(4) < MEDIAN_MS_MAX),
      goal(`no cached read takes more than ${WORST_MS_MAX} ms`, worst(5) <= WORST_MS_MAX),
    ].join('\n'),
  };
};
