/** `/client/metadata`: settings of the calling application, kept apart from what is kept of users. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { expectProblem } from '../../support/problem.ts';
import { APPLICATION } from '../../support/tokens.ts';
import { openResources } from './resources.ts';

const TTL = 300;
const policy = { clientMetadata: { readable: ['brand', 'support_email'] } };
const env = { CACHE_CLIENT_TTL_SECONDS: String(TTL), CACHE_TTL_SECONDS: '60', CACHE_STALE_SECONDS: '0' };
const { user, tenant, service, storeSettings, managementCalls } = await openResources({ policy, env });
const SETTINGS = { brand: 'A', support_email: 'a@example.com', secret: 'LEAK' };
const PATH = '/client/metadata';

const from = (response: Response): string => response.headers.get('cache-status') ?? '';
// What one test made the service remember is over for the next.
afterEach(() => service.clock.advance(10_000));

describe('a caller reads', () => {
  test('the listed settings of their application, and nothing else', async () => {
    const { ask } = await user();
    storeSettings(APPLICATION, SETTINGS);
    const response = await ask(PATH);
    expect(await response.json()).toEqual({ brand: 'A', support_email: 'a@example.com' });
    expect(response.headers.get('cache-control')).toBe('private, no-cache');
    expect(tenant.calls.map(({ target }) => target)).toEqual([
      `/api/v2/clients/${APPLICATION}?fields=client_id,client_metadata&include_fields=true`,
    ]);
  });

  test.each([
    ['azp', { azp: 'app-1' }, 'app-1'],
    ['client_id', { azp: undefined, client_id: 'app-2' }, 'app-2'],
    ['azp before client_id', { azp: 'app-3', client_id: 'other' }, 'app-3'],
    ['azp that an address must escape', { azp: 'a/../b c' }, 'a/../b c'],
  ])('those named by %s', async (_name, claims, clientId) => {
    const { ask } = await user({}, claims);
    storeSettings(clientId, SETTINGS);
    expect(await (await ask(PATH)).json()).toMatchObject({ brand: 'A' });
  });

  test('{} where the application has no settings', async () => {
    const { ask } = await user({}, { azp: 'bare' });
    tenant.answerWith('unknown', { status: 200, body: { client_id: 'bare' } });
    expect(await (await ask(PATH)).json()).toEqual({});
  });

  test('with a tag, without a body by HEAD, and not twice', async () => {
    const { ask } = await user();
    storeSettings(APPLICATION, SETTINGS);
    const head = await ask(PATH, 'HEAD');
    const etag = head.headers.get('etag') ?? '';
    const again = await ask(PATH, 'GET', { 'if-none-match': etag });
    expect([head.status, await head.text(), again.status, await again.text()]).toEqual([200, '', 304, '']);
  });
});

describe('a caller is refused', () => {
  test('whose token names no application', async () => {
    const { ask } = await user({}, { azp: undefined });
    await expectProblem(await ask(PATH), 403, 'client_not_allowed');
    expect(managementCalls()).toBe(0);
  });

  test('whose application the tenant does not know', async () => {
    const { ask } = await user({}, { azp: 'gone' });
    storeSettings('other', SETTINGS);
    await expectProblem(await ask(PATH), 403, 'client_not_allowed');
    expect(managementCalls()).toBe(1);
  });

  test('when the tenant answers about another application', async () => {
    const { ask } = await user({}, { azp: 'mine' });
    tenant.answerWith('unknown', { status: 200, body: { client_id: 'yours', client_metadata: SETTINGS } });
    await expectProblem(await ask(PATH), 502, 'upstream_malformed');
    expect(managementCalls()).toBe(1);
  });

  test('without the scope', async () => {
    const { ask } = await user({}, { scope: 'read:metadata read:app_metadata' });
    await expectProblem(await ask(PATH), 403, 'scope_missing');
    expect(managementCalls()).toBe(0);
  });
});

describe('what is held of an application', () => {
  test('serves all its users, for its own time', async () => {
    const [jane, omar] = [await user(), await user()];
    storeSettings(APPLICATION, SETTINGS);
    expect(from(await jane.ask(PATH))).toBe('metadata-bff; fwd=miss; stored');
    service.clock.advance(100);
    const second = await omar.ask(PATH);
    expect(from(second)).toMatch(/^metadata-bff; hit; ttl=(?:1[6-9]\d|200)$/);
    expect(second.headers.get('age')).toBe('100');
    service.clock.advance(TTL - 100);
    storeSettings(APPLICATION, { brand: 'B' });
    expect(await (await jane.ask(PATH)).json()).toEqual({ brand: 'B' });
    expect(managementCalls()).toBe(2);
  });

  test('is apart from what is held of a user of the same name', async () => {
    const { ask } = await user({ user: { theme: 'dark' } }, { sub: 'twin', azp: 'twin' });
    storeSettings('twin', SETTINGS);
    expect(await (await ask(PATH)).json()).toMatchObject({ brand: 'A' });
    expect(await (await ask('/me/metadata')).json()).toEqual({ theme: 'dark' });
    expect((await ask('/me/metadata/theme', 'DELETE')).status).toBe(204);
    expect(from(await ask(PATH))).toMatch(/hit/);
  });

  test('is asked for again by no-cache', async () => {
    const { ask } = await user();
    storeSettings(APPLICATION, SETTINGS);
    await ask(PATH);
    storeSettings(APPLICATION, { brand: 'C' });
    const response = await ask(PATH, 'GET', { 'cache-control': 'no-cache' });
    expect(await response.json()).toEqual({ brand: 'C' });
  });

  test('stands in, however stale, while the tenant fails', async () => {
    const { ask } = await user();
    storeSettings(APPLICATION, SETTINGS);
    await ask(PATH);
    service.clock.advance(TTL + 60);
    tenant.answerWith('unknown', { status: 500, body: {} });
    const response = await ask(PATH);
    expect([response.status, from(response)]).toEqual([
      200,
      expect.stringMatching(/^metadata-bff; hit; ttl=-\d+; detail=stale-if-error$/),
    ]);
    expect(await response.json()).toMatchObject({ brand: 'A' });
    service.clock.advance(10_000);
    await expectProblem(await ask(PATH), 503, 'upstream_unavailable');
  });

  test('is one read for any number of callers at once', async () => {
    const { ask } = await user();
    storeSettings(APPLICATION, SETTINGS);
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(PATH)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(managementCalls()).toBe(1);
  });
});
