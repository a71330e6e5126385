/** What this service calls a structured field can be read by those who read structured fields (RFC 9651). */
import { describe, expect, test } from '@jest/globals';
import { parseDictionary, parseList, Token } from 'structured-headers';
import { openScene } from '../support/scene.ts';

const { person, service, tenant } = await openScene({
  env: { USER_READS_PER_MINUTE: '8', USER_WRITES_PER_MINUTE: '4', AUTH_FAILURES_PER_MINUTE: '3' },
});

/** The answers of a user's day: from the tenant, from memory, stale, in an outage, refused, and too many. */
async function collectAnswers(): Promise<readonly Response[]> {
  const answers: Response[] = [];
  const jane = await person({ theme: 'dark' });
  const read = async (path = '', headers: Readonly<Record<string, string>> = {}) =>
    void answers.push(await jane.ask('GET', path, { headers }));
  await read();
  await read();
  await read('/theme');
  await read('', { 'cache-control': 'no-cache' });
  await read('/missing');
  answers.push(await jane.ask('PATCH', '', { json: { theme: 'light' } }));
  answers.push(await jane.ask('PATCH', '', { json: { theme: 1 }, headers: { 'if-match': '"old"' } }));
  answers.push(await jane.ask('DELETE', '/theme'), await jane.ask('DELETE', '/theme'));
  const omar = await person({ a: 1 });
  await omar.ask('GET');
  const gate = tenant.hold('read');
  service.clock.advance(70);
  answers.push(await omar.ask('GET'));
  gate.open();
  const fresh = await person({ a: 1 });
  const slow = tenant.hold('read');
  const first = fresh.ask('GET');
  await slow.arrived;
  const second = fresh.ask('GET');
  // Whole requests of another caller follow, so that the second has long arrived.
  for (let times = 0; times < 3; times += 1) await (await fetch(`${service.url}/openapi.json`)).text();
  slow.open();
  answers.push(...(await Promise.all([first, second])));
  service.clock.advance(2_000);
  tenant.answerWith('read', { status: 503 });
  answers.push(await omar.ask('GET'), await (await person({ a: 1 })).ask('GET'));
  tenant.heal();
  for (let times = 0; times < 9; times += 1) answers.push(await omar.ask('GET'));
  for (let times = 0; times < 4; times += 1) {
    answers.push(await jane.ask('GET', '', { headers: { authorization: 'Bearer a.b.c' } }));
  }
  return answers;
}

const answers = await collectAnswers();
const valuesOf = (name: string): readonly string[] =>
  answers.map(({ headers }) => headers.get(name)).filter((value) => value !== null);

describe('over the answers of a day', () => {
  test('there are reads, writes, refusals and too many requests', () => {
    expect(new Set(answers.map(({ status }) => status))).toEqual(
      new Set([200, 204, 401, 404, 412, 429, 503]),
    );
  });

  test('Cache-Status is a list with this cache, a hit with its ttl or the reason to ask', () => {
    const members = valuesOf('cache-status').map((value) => parseList(value));
    const parameters = members.map(([[, found] = ['', new Map()]]) => Object.fromEntries(found));
    expect(members.map(([item]) => item?.[0])).toEqual(members.map(() => new Token('metadata-bff')));
    const kinds = parameters.map(({ hit, fwd, detail, ttl, collapsed }) =>
      [hit && 'hit', fwd, collapsed && 'collapsed', detail, ttl && Math.sign(Number(ttl))]
        .filter((part) => part !== undefined)
        .join(' '),
    );
    expect(new Set(kinds)).toEqual(
      new Set(['hit 1', 'miss', 'miss collapsed', 'request', 'hit revalidating -1', 'hit stale-if-error -1']),
    );
  });

  test('RateLimit and RateLimit-Policy are lists of the same names, with whole numbers', () => {
    const limits = valuesOf('ratelimit').map((value) => parseList(value));
    const policies = valuesOf('ratelimit-policy').map((value) => parseList(value));
    expect(limits.map(([item]) => item?.[0])).toEqual(policies.map(([item]) => item?.[0]));
    expect(new Set(limits.map(([item]) => item?.[0]))).toEqual(new Set(['reads', 'writes', 'auth-failures']));
    const numbers = [...limits, ...policies].flatMap(([item]) => [...(item?.[1].values() ?? [])]);
    expect(numbers.length).toBe(2 * (limits.length + policies.length));
    expect(numbers.every((value) => Number.isSafeInteger(value) && Number(value) >= 0)).toBe(true);
  });

  test('Metadata-Quota is a dictionary of the limit and what is used', () => {
    const quotas = valuesOf('metadata-quota').map((value) => parseDictionary(value));
    expect(quotas.length).toBeGreaterThan(10);
    expect(new Set(quotas.flatMap((quota) => [...quota.keys()]))).toEqual(new Set(['limit', 'used']));
    expect(quotas.every((quota) => quota.get('limit')?.[0] === 8192)).toBe(true);
  });
});
