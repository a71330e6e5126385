/** Merge patches over HTTP, held against another implementation of RFC 7396. */
import { createRequire } from 'node:module';
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../src/lib/json.ts';
import { openScene } from '../support/scene.ts';

const require = createRequire(import.meta.url);
/** It changes what it is given. */
const { apply }: { readonly apply: (target: JsonValue, patch: JsonValue) => JsonValue } =
  require('json-merge-patch');

const { person } = await openScene();

/** Names that both take for names: the other one merges into the prototype where it meets `__proto__`. */
const name = fc.constantFrom('a', 'b', 'c', '0', 'ü', '~/', 'toString');
const scalar = fc.constantFrom<JsonValue>(true, false, 0, -1.5, '', 'text', '🙂');
const { value } = fc.letrec<{ value: JsonValue; list: JsonValue; object: JsonValue }>((tie) => ({
  value: fc.oneof({ maxDepth: 3, depthSize: 'small' }, scalar, tie('list'), tie('object')),
  list: fc.array(fc.oneof(tie('value'), fc.constant(null)), { maxLength: 3 }),
  object: fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }),
}));
const { change } = fc.letrec<{ change: JsonValue; object: JsonValue }>((tie) => ({
  change: fc.oneof({ maxDepth: 3, depthSize: 'small' }, value, fc.constant(null), tie('object')),
  object: fc.dictionary(name, tie('change'), { maxKeys: 3, noNullPrototype: true }),
}));
const document: fc.Arbitrary<JsonObject> = fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true });
const patch: fc.Arbitrary<JsonObject> = fc.dictionary(name, change, { maxKeys: 4, noNullPrototype: true });

test('a merge patch makes of a document what another implementation makes of it, in the answer and at the tenant', async () => {
  await fc.assert(
    fc.asyncProperty(document, patch, async (before, changes) => {
      const expected = apply(structuredClone(before), structuredClone(changes));
      const jane = await person(before);
      const response = await jane.ask('PATCH', '', {
        json: changes,
        headers: { 'content-type': 'application/merge-patch+json' },
      });
      expect([response.status, await response.json()]).toEqual([200, expected]);
      expect(jane.user.stored).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});
