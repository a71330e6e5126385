import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/lib/json.ts';
import { createAccess } from '../../src/metadata/policy.ts';
import { createSchemaRules } from '../../src/metadata/schema-rules.ts';
import { appErrorOf } from '../lib/rejection.ts';
import { FREE_POLICY, freeRules } from './rules.ts';
import { createServiceWorld, JANE, type WorldOptions } from './service-world.ts';

const isOfTenant = (call: string) => /^(?:read|change|clear)/.test(call);

async function askedFor(patch: JsonObject, options: WorldOptions = {}): Promise<string[]> {
  const { asked, service } = createServiceWorld(options);
  await service.patch(JANE, patch);
  return asked;
}

describe('a write that goes out without a read', () => {
  test('has the cache forget when it leaves and when it is answered', async () => {
    expect(await askedFor({ a: null, b: null })).toEqual(['begin', 'change {"a":null,"b":null}', 'end']);
  });

  test('is one that only removes keys', async () => {
    const { asked, service } = createServiceWorld();
    await service.removeKey(JANE, 'a');
    await service.mergeRoot(JANE, { b: null });
    expect(asked.filter(isOfTenant)).toEqual(['change {"a":null}', 'change {"b":null}']);
  });
});

describe('a write that reads first', () => {
  test.each<[string, JsonObject]>([
    ['sets a value, however small', { a: 1 }],
    ['sets one value and removes another', { a: 1, b: null }],
    ['reaches below the first level', { a: { b: null } }],
    ['is empty', {}],
    ['removes a name that the tenant may not take', { 'a.b': null }],
  ])('is one that %s, whatever copy is held', async (_what, patch) => {
    expect((await askedFor(patch, { cached: {} }))[0]).toBe('read');
  });

  test('is one of a key, because a limit could bind', async () => {
    const stored = { a: 'x'.repeat(8_000) };
    const { asked, service } = createServiceWorld({ stored, cached: {} });
    const error = await appErrorOf(service.replaceKey(JANE, 'b', 'y'.repeat(400)));
    expect([error.code, asked]).toEqual(['metadata_too_large', ['read']]);
  });

  test('is one with a precondition, which the tenant’s own state decides', async () => {
    const { asked, service } = createServiceWorld({ stored: { a: 1 }, cached: {} });
    const preconditions = [{ kind: 'if-none-match', tags: 'any' }] as const;
    const error = await appErrorOf(service.removeKey(JANE, 'a', { preconditions }));
    expect([error.code, error.extras.current]).toEqual(['precondition_failed', 1]);
    expect(asked).toEqual(['read']);
  });

  test('is a replacement or a removal of the whole', async () => {
    const { asked, service } = createServiceWorld({ stored: { a: 1 } });
    await service.replace(JANE, { b: 1 });
    await service.remove(JANE);
    expect(asked.filter(isOfTenant)).toEqual([
      'read',
      'change {"a":null,"b":1}',
      'read',
      'change {"b":null}',
    ]);
  });

  test('sends nothing when nothing would change, and never an empty change', async () => {
    const stored = { a: 1, b: { c: null } };
    const { asked, service } = createServiceWorld({ stored });
    expect((await service.patch(JANE, {})).userMetadata).toEqual(stored);
    expect((await service.patch(JANE, { b: { d: null } })).userMetadata).toEqual(stored);
    await service.replace(JANE, { b: { c: null }, a: 1 });
    expect(asked).toEqual(['read', 'read', 'read']);
  });

  test('is any where there is a schema, a removal included', async () => {
    const schema = createSchemaRules({ type: 'object', required: ['age'], properties: { age: true } });
    const rules = { ...freeRules(), schema };
    const stored = { age: 1, other: 2 };
    expect((await askedFor({ other: null }, { rules, stored, cached: stored }))[0]).toBe('read');
    const { asked, service } = createServiceWorld({ rules, stored, cached: {} });
    expect((await appErrorOf(service.removeKey(JANE, 'age'))).code).toBe('metadata_invalid');
    expect(asked).toEqual(['read']);
  });

  test('is one of a key that this application may not change', async () => {
    const rules = {
      ...freeRules(),
      getAccess: createAccess({
        ...FREE_POLICY,
        clients: { app: { readable: ['a', 'b'], writable: ['a'] } },
      }),
    };
    const { asked, service } = createServiceWorld({ rules, stored: { b: 1 } });
    const error = await appErrorOf(service.removeKey({ ...JANE, clientId: 'app' }, 'b'));
    expect([error.code, error.extras.errors?.[0]?.pointer]).toEqual(['key_read_only', '/b']);
    expect(asked).toEqual(['read']);
  });
});

test('a body that no document can hold costs no request', async () => {
  const { asked, service } = createServiceWorld();
  const nulls = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`k${index}`, null]));
  const hopeless = [
    { a: 'x'.repeat(9_000) },
    { a: nulls },
    { a: JSON.parse('['.repeat(20) + ']'.repeat(20)) },
  ];
  const errors = await Promise.all(hopeless.map((patch) => appErrorOf(service.patch(JANE, patch))));
  expect(errors.map(({ code }) => code)).toEqual(hopeless.map(() => 'metadata_too_large'));
  expect(asked).toEqual([]);
});

test('a name that cannot be stored costs a read and no change', async () => {
  const { asked, service } = createServiceWorld();
  const hopeless = [{ 'a.b': 1 }, { a: JSON.parse('{"__proto__":1}') }];
  for (const patch of hopeless)
    expect((await appErrorOf(service.patch(JANE, patch))).code).toBe('metadata_invalid');
  expect(asked).toEqual(['read', 'read']);
});
