import { beforeEach, describe, expect, test } from '@jest/globals';
import { parseObject } from '../support/json.ts';
import { type Ask, openScene, type Person, type Scene } from '../support/scene.ts';
import { JWT_PART, LEAK } from '../support/sentinels.ts';
import { APPLICATION } from '../support/tokens.ts';
import { until } from '../support/until.ts';

const POLICY = {
  userMetadata: {
    schema: {
      type: 'object',
      properties: { plan: { type: 'string', readOnly: true }, theme: { type: 'string' } },
    },
  },
};
const scene = await openScene({ policy: POLICY, env: { AUTH0_COMPAT: 'true' } });
const silent = await openScene({ env: { AUDIT_LOG: 'off' } });
const unwritable = await openScene({
  env: { AUDIT_LOG: '/dev/null/no-such-folder/audit.log' },
  awaitReady: false,
});
const { person, service, tenant } = scene;

let requests = 0;
let jane: Person;
beforeEach(async () => {
  jane = await person({ plan: 'free', n: {} });
});

/** The line about one request; waits for it. */
async function auditOf({ service: { auditLines } }: Scene, requestId: string) {
  return until(() => auditLines.map(parseObject).find((line) => line['request_id'] === requestId));
}

/** Sends a request under an id of its own. */
async function send(who: Person, method: string, path = '', { headers = {}, ...rest }: Ask = {}) {
  requests += 1;
  const id = `audited-${requests}`;
  const response = await who.ask(method, path, { ...rest, headers: { 'x-request-id': id, ...headers } });
  return { response, id };
}

async function lineAbout(...request: Parameters<typeof send>) {
  const { id } = await send(...request);
  return auditOf(scene, id);
}

/** The id that the tenant was given with the latest change. */
function sentCorrelationId(): unknown {
  return tenant.calls.findLast(({ route }) => route === 'change')?.headers['x-correlation-id'];
}

describe('the audit of a write that is made', () => {
  test('says who changed which keys through which application, and names the request to the tenant', async () => {
    const line = await lineAbout(jane, 'PATCH', '', { json: { theme: 'LEAK-value', n: { a: 1 } } });
    expect(line).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      event: 'audit',
      request_id: expect.stringMatching(/^audited-/),
      user: expect.stringMatching(/^[\w-]{43}$/),
      client_id: APPLICATION,
      action: 'patch',
      route: '/me/metadata',
      keys: ['n', 'theme'],
      outcome: 'applied',
      correlation_id: sentCorrelationId(),
      duration_ms: expect.any(Number),
    });
    expect(line['correlation_id']).toMatch(/^[\w-]{1,64}$/);
    expect(service.auditLines.join('')).not.toMatch(LEAK);
  });

  test.each([
    ['PUT', '', { json: { theme: 'dark' } }, 'replace', '/me/metadata', ['n', 'theme']],
    ['DELETE', '', {}, 'remove', '/me/metadata', ['n']],
    ['PUT', '/theme', { json: 'dark' }, 'replace', '/me/metadata/:key', ['theme']],
    ['DELETE', '/n', {}, 'remove', '/me/metadata/:key', ['n']],
  ])('%s %s names the keys', async (method, path, ask, action, route, keys) => {
    const line = await lineAbout(jane, method, path, ask);
    expect(line).toMatchObject({ action, route, outcome: 'applied', correlation_id: sentCorrelationId() });
    expect([line['keys']].flat().map(String).toSorted()).toEqual(keys);
  });

  test('through the drop-in is audited like any other', async () => {
    const headers = { ...jane.jsonHeaders, 'x-request-id': 'audited-drop-in' };
    const claims = { scope: 'update:current_user_metadata' };
    const omar = await person({}, claims);
    await fetch(`${service.url}/api/v2/users/${encodeURIComponent(omar.user.id)}`, {
      method: 'PATCH',
      headers: { ...headers, authorization: `Bearer ${omar.token}` },
      body: '{"user_metadata":{"theme":"dark"}}',
    });
    const line = await auditOf(scene, 'audited-drop-in');
    expect(line).toMatchObject({ route: '/api/v2/users/:id', keys: ['theme'], outcome: 'applied' });
  });

  test('is told also when its caller has left before the answer', async () => {
    const gate = tenant.hold('change');
    const leaving = new AbortController();
    const request = fetch(`${service.url}/me/metadata`, {
      method: 'PATCH',
      headers: { ...jane.jsonHeaders, 'x-request-id': 'audited-left' },
      body: '{"theme":"dark"}',
      signal: leaving.signal,
    }).catch(() => 'left');
    await gate.arrived;
    leaving.abort();
    expect(await request).toBe('left');
    await service.linesOf('audited-left');
    gate.open();
    expect(await auditOf(scene, 'audited-left')).toMatchObject({ outcome: 'applied', keys: ['theme'] });
  });
});

test('writes that one change carries name its id, and one that changes nothing names none', async () => {
  const gate = tenant.hold('read');
  const leading = send(jane, 'PATCH', '', { json: { n: { a: 1 } } });
  await gate.arrived;
  const following = [{ n: { b: 1 } }, { n: { c: 1 } }, { n: {} }].map((json) =>
    send(jane, 'PATCH', '', { json }),
  );
  const bystander = await person({});
  for (const _ of following) await bystander.ask('GET');
  gate.open();
  const sent = await Promise.all([leading, ...following]);
  const lines = await Promise.all(sent.map(({ id }) => auditOf(scene, id)));
  const [alone, ...together] = lines.map((line) => line['correlation_id']);
  const ids = tenant.calls
    .filter(({ route }) => route === 'change')
    .map(({ headers }) => [headers['x-correlation-id']].flat()[0]);
  expect(ids).toEqual([alone, together[0]]);
  expect(together).toEqual([ids[1], ids[1], undefined]);
  expect(lines.map(({ outcome, keys }) => ({ outcome, keys }))).toEqual([
    { outcome: 'applied', keys: ['n'] },
    { outcome: 'applied', keys: ['n'] },
    { outcome: 'applied', keys: ['n'] },
    { outcome: 'unchanged', keys: [] },
  ]);
});

describe('the audit of a write that is not made', () => {
  test.each([
    ['changes nothing', 'PATCH', '', { json: {} }, { outcome: 'unchanged', keys: [] }],
    ['has no body', 'PUT', '', {}, { outcome: 'refused', code: 'body_required', keys: [] }],
    [
      'touches what is read-only',
      'PATCH',
      '',
      { json: { plan: 'pro', theme: 'x' } },
      { outcome: 'refused', code: 'key_read_only', keys: ['plan'] },
    ],
    [
      'breaks the schema',
      'PUT',
      '/theme',
      { json: 1 },
      { outcome: 'refused', code: 'metadata_invalid', keys: ['theme'] },
    ],
    [
      'is overtaken',
      'DELETE',
      '/n',
      { headers: { 'if-match': '"x"' } },
      { outcome: 'refused', code: 'precondition_failed', keys: ['n'] },
    ],
  ])('because it %s', async (_reason, method, path, ask, expected) => {
    const line = await lineAbout(jane, method, path, ask);
    expect(line).toMatchObject(expected);
    expect(line).not.toHaveProperty('correlation_id');
  });

  test('for want of the scope names the user all the same', async () => {
    const omar = await person({}, { scope: 'read:metadata' });
    const line = await lineAbout(omar, 'DELETE', '/theme');
    expect(line).toMatchObject({ outcome: 'refused', code: 'scope_missing', keys: ['theme'] });
  });

  test('because the tenant refuses it names the request', async () => {
    tenant.answerWith('change', { status: 400, body: { message: 'LEAK' } });
    const line = await lineAbout(jane, 'PATCH', '', { json: { theme: 'dark' } });
    expect(line).toMatchObject({
      outcome: 'refused',
      code: 'metadata_invalid',
      keys: ['theme'],
      correlation_id: sentCorrelationId(),
    });
  });

  test('is unknown when the tenant’s answer is', async () => {
    tenant.answerWith('change', { status: 500 });
    const line = await lineAbout(jane, 'PATCH', '', { json: { theme: 'dark' } });
    expect(line).toMatchObject({
      outcome: 'unknown',
      code: 'upstream_unavailable',
      keys: ['theme'],
      correlation_id: sentCorrelationId(),
    });
  });

  test('is left out for a caller who is not known, and for reads', async () => {
    const before = service.auditLines.length;
    await jane.ask('GET');
    await fetch(`${service.url}/me/metadata`, { method: 'DELETE' });
    await fetch(`${service.url}/me/metadata`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${jane.token}x` },
    });
    await lineAbout(jane, 'PATCH', '', { json: {} });
    expect(service.auditLines).toHaveLength(before + 1);
  });
});

describe('a line', () => {
  test('holds no user id, value, token or text of the tenant', async () => {
    tenant.answerWith('change', { status: 403, body: { message: 'LEAK' } }, 2);
    await lineAbout(jane, 'PATCH', '', { json: { theme: 'LEAK-value' } });
    await lineAbout(jane, 'PATCH', '?LEAK=LEAK', { body: '{"theme":"LEAK', headers: jane.jsonHeaders });
    const text = service.auditLines.join('');
    expect(text).not.toMatch(LEAK);
    expect(text).not.toMatch(JWT_PART);
    expect(text).not.toContain('auth0|');
  });

  test('has room for so many names, and so much of each', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `${'k'.repeat(70)}${index}`);
    const json = Object.fromEntries(names.map((name) => [name, 1]));
    const line = await lineAbout(jane, 'PATCH', '', { json });
    expect(line['keys']).toEqual(Array.from({ length: 32 }, () => `${'k'.repeat(64)}…`));
    expect(line['keys_left_out']).toBe(8);
  });

  test('names a user alike each time, and no two alike', async () => {
    const omar = await person({});
    const [first, second, other] = [
      await lineAbout(jane, 'PATCH', '', { json: { theme: 'dark' } }),
      await lineAbout(jane, 'DELETE', '/theme'),
      await lineAbout(omar, 'PATCH', '', { json: { theme: 'dark' } }),
    ].map((line) => line['user']);
    expect(second).toBe(first);
    expect(other).not.toBe(first);
  });
});

test('AUDIT_LOG=off writes none', async () => {
  const omar = await silent.person({});
  const { id } = await send(omar, 'PATCH', '', { json: { theme: 'dark' } });
  await silent.service.linesOf(id);
  expect(silent.service.auditLines).toEqual([]);
  expect(silent.service.logLines.join('')).not.toContain('"audit"');
});

test('a file that cannot be written fails no write, is told once, and degrades the service', async () => {
  const omar = await unwritable.person({});
  for (const theme of ['dark', 'light']) {
    expect((await omar.ask('PATCH', '', { json: { theme } })).status).toBe(200);
  }
  const report = await until(async () => {
    const response = await fetch(`${unwritable.service.opsUrl}/readyz`);
    const text = await response.text();
    return text.includes('"signing_keys":"ok"') ? { code: response.status, ...parseObject(text) } : undefined;
  });
  expect(report).toMatchObject({ code: 200, status: 'degraded', checks: { audit_log: 'failing' } });
  const told = unwritable.service.logLines.filter((line) => line.includes('audit_write_failed'));
  expect(told).toHaveLength(1);
});
