/** The drop-in as auth0.js sees it: its own `Management` client, unchanged, in a page of another origin. */
import { describe, expect, test } from '@jest/globals';
import { parseObject } from '../../support/json.ts';
import { TENANT_DOMAIN } from '../../support/tokens.ts';
import { loadAuth0 } from './browser.ts';
import { APP, type CompatUser, openCompat } from './compat.ts';

const { user, tenant, service, managementCalls } = await openCompat();
const auth0 = await loadAuth0({ domain: TENANT_DOMAIN, url: service.url, origin: APP });

type Management = InstanceType<typeof auth0.Management>;

/** What a call's callback was given. */
interface Outcome {
  readonly error: Readonly<Record<string, unknown>> | null;
  readonly result: unknown;
}

function call(run: (callback: (error: unknown, result: unknown) => void) => void): Promise<Outcome> {
  return new Promise((resolve) => {
    run((error, result) => resolve({ error: error === null ? null : { ...Object(error) }, result }));
  });
}

function managementOf({ token }: Pick<CompatUser, 'token'>): Management {
  return new auth0.Management({ domain: TENANT_DOMAIN, token });
}

const getUser = (who: CompatUser, id = who.user.id): Promise<Outcome> =>
  call((callback) => managementOf(who).getUser(id, callback));
const patchMetadata = (who: CompatUser, metadata: unknown, id = who.user.id): Promise<Outcome> =>
  call((callback) => managementOf(who).patchUserMetadata(id, metadata, callback));

describe('getUser', () => {
  test('answers the profile', async () => {
    const jane = await user({ theme: 'dark', nested: { a: 1 } });
    expect(await getUser(jane)).toEqual({
      error: null,
      result: {
        user_id: jane.user.id,
        user_metadata: { theme: 'dark', nested: { a: 1 } },
        updated_at: '2026-01-02T03:04:05.678Z',
      },
    });
  });

  test.each([
    'auth0|abc',
    'samlp|conn|user@example.com',
    'oauth2|siwe|eip155%3A5%3A0xD70b',
    'auth0|a b',
    'auth0|a/b',
    'auth0|50% off',
    'auth0|✓%3A',
    'ad|conn|DOMAIN\\name',
  ])('finds and changes %s, which it puts into the path as it is', async (sub) => {
    const jane = await user({ a: 1 }, { sub });
    expect((await getUser(jane)).result).toMatchObject({ user_id: sub, user_metadata: { a: 1 } });
    expect((await patchMetadata(jane, { a: 2 })).error).toBeNull();
    expect(jane.user.stored).toEqual({ a: 2 });
  });

  test('is refused for any other user', async () => {
    const [jane, omar] = [await user({ a: 1 }), await user({ secret: 1 })];
    const { error, result } = await getUser(jane, omar.user.id);
    expect(error).toMatchObject({ statusCode: 403, code: 'Forbidden', description: 'Forbidden' });
    expect(result).toBeUndefined();
    expect(managementCalls()).toBe(0);
  });
});

describe('patchUserMetadata', () => {
  test('merges the first level only, as the Management API does', async () => {
    const jane = await user({ nested: { a: 1, b: 2 }, gone: true, kept: 1 });
    const { error, result } = await patchMetadata(jane, { nested: { c: 3 }, gone: null, list: [1] });
    const expected = { nested: { c: 3 }, kept: 1, list: [1] };
    expect(error).toBeNull();
    expect(result).toMatchObject({ user_id: jane.user.id, user_metadata: expected });
    expect(jane.user.stored).toEqual(expected);
    expect(jane.user.patches).toEqual([{ nested: { c: 3 }, gone: null, list: [1] }]);
  });

  test('is read back at once', async () => {
    const jane = await user({ a: 1 });
    await getUser(jane);
    await patchMetadata(jane, { a: 2 });
    expect((await getUser(jane)).result).toMatchObject({ user_metadata: { a: 2 } });
  });

  test('of nothing is refused, and wipes nothing', async () => {
    const jane = await user({ a: 1 });
    const { error } = await patchMetadata(jane, {});
    expect(error).toMatchObject({ statusCode: 400, code: 'Bad Request' });
    expect([jane.user.stored, jane.user.patches]).toEqual([{ a: 1 }, []]);
  });

  test('is refused for any other user', async () => {
    const [jane, omar] = [await user({ a: 1 }), await user({ a: 1 })];
    const { error } = await patchMetadata(jane, { a: 2 }, omar.user.id);
    expect(error).toMatchObject({ statusCode: 403 });
    expect([omar.user.stored, omar.user.patches]).toEqual([{ a: 1 }, []]);
  });
});

test('patchUserAttributes is refused, naming what cannot be changed', async () => {
  const jane = await user({ a: 1 });
  const attributes = Object({ email: 'x@example.com', user_metadata: { a: 2 } });
  const { error } = await call((callback) =>
    managementOf(jane).patchUserAttributes(jane.user.id, attributes, callback),
  );
  expect(error).toMatchObject({ statusCode: 403, code: 'Forbidden' });
  expect(bodyOf(error)).toMatchObject({ message: 'You cannot update the following fields: email' });
  expect(jane.user.patches).toEqual([]);
});

describe('an error', () => {
  test('of the token is readable', async () => {
    const jane = await user({ a: 1 });
    const { error } = await getUser({ ...jane, token: 'a.b.c' });
    expect(error).toMatchObject({ statusCode: 401, code: 'Unauthorized', description: 'Unauthorized' });
    expect(bodyOf(error)).toMatchObject({ errorCode: 'invalid_token' });
  });

  test('of the tenant is readable', async () => {
    const jane = await user({ a: 1 });
    tenant.answerWith('read', { status: 500 });
    const { error } = await getUser(jane);
    expect(error).toMatchObject({ statusCode: 503, code: 'Service Unavailable' });
    expect(bodyOf(error)).toMatchObject({ errorCode: 'upstream_unavailable' });
  });
});

/** The body that was answered, which auth0.js keeps. */
function bodyOf(error: Outcome['error']): Record<string, unknown> {
  const { response }: { response?: { text?: string } } = Object(error?.['original']);
  return parseObject(response?.text ?? '{}');
}
