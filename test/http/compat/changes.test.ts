/** `PATCH /api/v2/users/{id}`: what is merged, what is refused, and that the policy holds here as well. */
import { describe, expect, test } from '@jest/globals';
import { openCompat, refusalOf } from './compat.ts';

const { user, managementCalls } = await openCompat();
const strict = await openCompat({
  policy: {
    userMetadata: {
      schema: {
        type: 'object',
        properties: { theme: { enum: ['dark', 'light'] }, since: { type: 'string', readOnly: true } },
      },
    },
    clients: { narrow: { readable: ['a', 'theme'], writable: ['a'] } },
  },
});

describe('user_metadata is merged at the first level', () => {
  test.each([
    ['a nested object replaces the whole key', { n: { a: 1, b: 2 } }, { n: { c: 3 } }, { n: { c: 3 } }],
    ['null removes a key', { a: 1, b: 2 }, { a: null }, { b: 2 }],
    ['null below the first level is stored', {}, { n: { a: null } }, { n: { a: null } }],
    ['an empty object replaces a full one', { n: { a: 1 } }, { n: {} }, { n: {} }],
    ['a list replaces a list', { l: [1, 2] }, { l: [3] }, { l: [3] }],
  ])('%s', async (_name, before, changes, after) => {
    const jane = await user(before);
    const response = await jane.ask('PATCH', '', { json: { user_metadata: changes } });
    expect([response.status, await response.json()]).toEqual([
      200,
      expect.objectContaining({ user_id: jane.user.id, user_metadata: after }),
    ]);
    expect(jane.user.stored).toEqual(after);
    expect(jane.user.patches).toEqual([changes]);
  });

  test('null removes nothing that is not there', async () => {
    const jane = await user({ b: 2 });
    const json = { user_metadata: { a: null, b: 3 } };
    expect((await jane.ask('PATCH', '', { json })).status).toBe(200);
    expect([jane.user.stored, jane.user.patches]).toEqual([{ b: 3 }, [{ b: 3 }]]);
  });

  test('with If-Match only where the tag is the one of the document', async () => {
    const jane = await user({ a: 1 });
    const json = { user_metadata: { a: 2 } };
    const refused = await jane.ask('PATCH', '', { json, headers: { 'if-match': '"other"' } });
    expect((await refusalOf(refused)).slice(0, 2)).toEqual([412, 'precondition_failed']);
    expect(jane.user.patches).toEqual([]);
  });
});

describe('a body is refused without a call to the tenant:', () => {
  test.each<[string, string, number, string]>([
    ['no member', '{}', 400, 'invalid_body'],
    ['an empty user_metadata, which would wipe everything', '{"user_metadata":{}}', 400, 'invalid_body'],
    ['null as user_metadata', '{"user_metadata":null}', 400, 'invalid_body'],
    ['a list as user_metadata', '{"user_metadata":[1]}', 400, 'invalid_body'],
    ['a text as user_metadata', '{"user_metadata":"a"}', 400, 'invalid_body'],
    ['a list', '[{"user_metadata":{"a":1}}]', 400, 'invalid_body'],
    ['null', 'null', 400, 'invalid_body'],
    ['a text', '"user_metadata"', 400, 'invalid_body'],
    ['nothing', '', 400, 'invalid_body'],
    ['blanks', '  ', 400, 'invalid_body'],
    ['no JSON', '{"user_metadata"', 400, 'invalid_body'],
    ['an integer that would be rounded', '{"user_metadata":{"a":9007199254740993}}', 400, 'invalid_body'],
    ['a member twice', '{"user_metadata":{"a":1,"a":2}}', 400, 'invalid_body'],
    [
      '__proto__ at the root',
      '{"__proto__":{"a":1},"user_metadata":{"a":1}}',
      403,
      'operation_not_supported',
    ],
    ['the password', '{"password":"x"}', 403, 'operation_not_supported'],
    ['app_metadata beside it', '{"user_metadata":{"a":1},"app_metadata":{}}', 403, 'operation_not_supported'],
    ['more than fits', JSON.stringify({ user_metadata: { a: 'x'.repeat(9000) } }), 413, 'invalid_body'],
  ])('%s', async (_name, body, status, errorCode) => {
    const jane = await user({ a: 1 });
    const response = await jane.ask('PATCH', '', { body });
    expect((await refusalOf(response)).slice(0, 2)).toEqual([status, errorCode]);
    expect([managementCalls(), jane.user.patches]).toEqual([0, []]);
  });

  test.each(['{"a.b":1}', '{"__proto__":{"a":1}}'])(
    '%s, which needs a read to know that it is new',
    async (body) => {
      const jane = await user({ a: 1 });
      const response = await jane.ask('PATCH', '', { body: `{"user_metadata":${body}}` });
      expect((await refusalOf(response)).slice(0, 2)).toEqual([400, 'invalid_body']);
      expect([managementCalls(), jane.user.patches]).toEqual([1, []]);
    },
  );

  test('every root field that cannot be changed is named', async () => {
    const jane = await user({ a: 1 });
    const json = { email: 'x@example.com', blocked: true, user_metadata: { a: 2 } };
    const [status, , message] = await refusalOf(await jane.ask('PATCH', '', { json }));
    expect([status, message]).toEqual([403, 'You cannot update the following fields: email, blocked']);
  });

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json-patch+json',
    'application/merge-patch+json',
  ])('the media type %s', async (type) => {
    const jane = await user({ a: 1 });
    const response = await jane.ask('PATCH', '', {
      body: '{"user_metadata":{"a":2}}',
      headers: { 'content-type': type },
    });
    expect((await refusalOf(response))[0]).toBe(415);
    expect(jane.user.patches).toEqual([]);
  });
});

describe('the policy holds:', () => {
  test('the schema refuses as an invalid body', async () => {
    const jane = await strict.user({ theme: 'dark' });
    const response = await jane.ask('PATCH', '', { json: { user_metadata: { theme: 'blue' } } });
    expect((await refusalOf(response)).slice(0, 2)).toEqual([400, 'invalid_body']);
    expect(jane.user.patches).toEqual([]);
  });

  test('a wrong value that was there before is no hindrance', async () => {
    const jane = await strict.user({ theme: 'blue' });
    expect((await jane.ask('PATCH', '', { json: { user_metadata: { a: 1 } } })).status).toBe(200);
  });

  test.each([{ since: '1999' }, { since: null }])(
    'a read-only key cannot be changed by %j',
    async (changes) => {
      const jane = await strict.user({ since: '2020' });
      const response = await jane.ask('PATCH', '', { json: { user_metadata: changes } });
      expect((await refusalOf(response)).slice(0, 2)).toEqual([403, 'operation_not_supported']);
      expect(jane.user.stored).toEqual({ since: '2020' });
    },
  );

  test('a narrowed application sees and changes its part', async () => {
    const jane = await strict.user({ a: 1, theme: 'dark', hidden: 1 }, { azp: 'narrow' });
    const view = { user_metadata: { a: 1, theme: 'dark' } };
    expect(await (await jane.ask('GET', '?fields=user_metadata')).json()).toEqual(view);
    const changes = { user_metadata: { a: 2, hidden: null } };
    expect(await (await jane.ask('PATCH', '', { json: changes })).json()).toMatchObject({
      user_metadata: { a: 2, theme: 'dark' },
    });
    expect(jane.user.stored).toEqual({ a: 2, theme: 'dark', hidden: 1 });
  });

  test.each(['hidden', 'missing', 'theme'])('and is refused %s, whether it is there or not', async (key) => {
    const jane = await strict.user({ a: 1, theme: 'dark', hidden: 1 }, { azp: 'narrow' });
    const response = await jane.ask('PATCH', '', { json: { user_metadata: { a: 2, [key]: 'light' } } });
    expect((await refusalOf(response)).slice(0, 2)).toEqual([403, 'operation_not_supported']);
    expect(jane.user.patches).toEqual([]);
  });
});
