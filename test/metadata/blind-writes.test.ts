import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/lib/json.ts';
import { createViews } from '../../src/metadata/policy.ts';
import { createSchemaRules } from '../../src/metadata/schema-rules.ts';
import { appErrorOf } from '../lib/rejection.ts';
import { freeRules } from './rules.ts';
import { createServiceWorld, JANE, type WorldOptions } from './service-world.ts';

/** 8192 / 64: the most that goes out without knowing how much is stored. */
const SMALL = { a: 'x'.repeat(120) };
const LARGER = { a: 'x'.repeat(121) };

const isOfTenant = (call: string) => /^(?:read|change)/.test(call);

async function askedFor(patch: JsonObject, options: WorldOptions = {}): Promise<string[]> {
  const { asked, service } = createServiceWorld(options);
  await service.patch(JANE, patch);
  return asked;
}

describe('a write that goes out without a read', () => {
  test('has the cache forget when it leaves and when it is answered', async () => {
    expect(await askedFor({ a: 1, b: null })).toEqual(['begin', 'change {"a":1,"b":null}', 'end']);
  });

  test('is one of a key, put or removed', async () => {
    const { asked, service } = createServiceWorld();
    await service.replaceKey(JANE, 'a', { deep: [1] });
    await service.removeKey(JANE, 'a');
    expect(asked.filter(isOfTenant)).toEqual(['change {"a":{"deep":[1]}}', 'change {"a":null}']);
  });

  test('is small where nothing is known of what is stored', async () => {
    expect(await askedFor(SMALL)).not.toContain('read');
    expect(await askedFor(LARGER)).toContain('read');
  });

  test('may be larger where a copy is held that leaves room', async () => {
    const cached = { b: 'x'.repeat(8_000) };
    expect(await askedFor(LARGER, { cached: {} })).not.toContain('read');
    expect(await askedFor(LARGER, { cached, stored: cached })).not.toContain('read');
    expect(await askedFor({ b: 'y'.repeat(200) }, { cached, stored: cached })).toContain('read');
  });

  test('may be larger where the answer to the write before it told the size', async () => {
    const { asked, service } = createServiceWorld();
    await service.patch(JANE, SMALL);
    await service.patch(JANE, { b: 'x'.repeat(4_000) });
    expect(asked).not.toContain('read');
    await service.patch(JANE, { b: 'y'.repeat(5_000) });
    expect(asked).toContain('read');
  });

  test('leaves room for the number of keys as well', async () => {
    const cached = Object.fromEntries(Array.from({ length: 99 }, (_, index) => [String(index), 1]));
    expect(await askedFor({ a: 1 }, { cached, stored: cached })).not.toContain('read');
    expect(await askedFor({ a: 1, 0: 2 }, { cached, stored: cached })).toContain('read');
  });
});

describe('a write that reads first', () => {
  test.each<[string, JsonObject]>([
    ['reaches below the first level', { a: { b: 1 } }],
    ['is empty', {}],
  ])('is one that %s', async (_what, patch) => {
    expect((await askedFor(patch))[0]).toBe('read');
  });

  test('is one with a precondition, which the tenant’s own state decides', async () => {
    const { asked, service } = createServiceWorld({ stored: { a: 1 }, cached: {} });
    const preconditions = [{ kind: 'if-none-match', tags: 'any' }] as const;
    const error = await appErrorOf(service.replaceKey(JANE, 'a', 2, { preconditions }));
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

  test('is one of a key that the schema guards, or of any key when no copy is there to judge', async () => {
    const schema = createSchemaRules({
      type: 'object',
      properties: { plan: { type: 'string', readOnly: true }, age: { type: 'number' } },
    });
    const rules = { ...freeRules(), schema };
    expect(await askedFor({ age: 1 }, { rules, cached: {} })).not.toContain('read');
    expect(await askedFor({ age: 1 }, { rules })).toContain('read');
    const guarded = createServiceWorld({ rules, cached: {} });
    expect((await appErrorOf(guarded.service.patch(JANE, { plan: 'pro' }))).code).toBe('key_read_only');
    expect(guarded.asked).toEqual(['read']);
  });

  test('is one of a key that this application may not change', async () => {
    const rules = { ...freeRules(), viewOf: createViews({ app: { writable: ['a'] } }) };
    const { asked, service } = createServiceWorld({ rules, cached: {} });
    const error = await appErrorOf(service.patch({ ...JANE, clientId: 'app' }, { b: 1 }));
    expect([error.code, error.extras.errors?.[0]?.pointer]).toEqual(['key_read_only', '/b']);
    expect(asked).toEqual(['read']);
  });
});

test('a body that could never be stored costs no request', async () => {
  const { asked, service } = createServiceWorld();
  const hopeless = [{ 'a.b': 1 }, { a: 'x'.repeat(9_000) }, { a: JSON.parse('{"__proto__":1}') }];
  const errors = await Promise.all(hopeless.map((patch) => appErrorOf(service.patch(JANE, patch))));
  expect(errors.map(({ code }) => code)).toEqual([
    'metadata_invalid',
    'metadata_too_large',
    'metadata_invalid',
  ]);
  expect(asked).toEqual([]);
});
