/** Refusals of a document in Auth0's shape name the keys, and no value that the user sent. */
import { expect, test } from '@jest/globals';
import { openCompat, refusalOf } from './compat.ts';

const schema = {
  type: 'object',
  properties: {
    theme: { enum: ['dark', 'light'] },
    box: { properties: { size: { type: 'integer' } } },
    since: { readOnly: true },
    inner: { properties: { fixed: { readOnly: true } } },
    iban: { 'x-step-up': { max_age: 300 } },
  },
  additionalProperties: false,
};
const { user } = await openCompat({ policy: { userMetadata: { schema } } });
const SECRET = 'a-value-of-the-user';
const long = 'x'.repeat(200);

test.each<[string, object, object, number, string, string]>([
  [
    'one fault',
    {},
    { theme: SECRET },
    400,
    'invalid_body',
    `Payload validation error: 'Must be one of: "dark", "light"' on property theme.`,
  ],
  [
    'several faults',
    {},
    { theme: SECRET, box: { size: SECRET } },
    400,
    'invalid_body',
    `Payload validation error: 'Must be one of: "dark", "light"' on property theme, 'Must be a whole number' on property box.size.`,
  ],
  [
    'more faults than a message holds',
    {},
    { a: SECRET, b: SECRET, c: SECRET, d: SECRET, e: SECRET },
    400,
    'invalid_body',
    `Payload validation error: 'There must be no entry of this name' on property a, 'There must be no entry of this name' on property b, 'There must be no entry of this name' on property c (and 2 more).`,
  ],
  [
    'a name that is too long',
    {},
    { [long]: 1 },
    400,
    'invalid_body',
    `Payload validation error: 'There must be no entry of this name' on property ${long.slice(0, 100)}....`,
  ],
  [
    'a forbidden name',
    {},
    { 'a.b': SECRET },
    400,
    'invalid_body',
    `Payload validation error: 'A name must not contain "." or "$"' on property a.b.`,
  ],
  [
    'a stored key that the schema forbids, with another value',
    { old: 1 },
    { old: 2 },
    400,
    'invalid_body',
    `Payload validation error: 'There must be no entry of this name' on property old.`,
  ],
  [
    'read-only keys',
    { since: 1, inner: { fixed: 1 } },
    { since: 2, inner: {} },
    403,
    'operation_not_supported',
    'You cannot update the following fields: since, inner.fixed',
  ],
  [
    'a key that needs a more recent login',
    {},
    { iban: SECRET },
    401,
    'step_up_required',
    'You need a more recent or a stronger login to update the following fields: iban',
  ],
])('%s', async (_name, before, after, status, errorCode, message) => {
  const jane = await user({ ...before });
  const response = await jane.ask('PATCH', '', { json: { user_metadata: after } });
  const refusal = await refusalOf(response);
  expect(refusal).toEqual([status, errorCode, message]);
  expect(JSON.stringify(refusal)).not.toContain(SECRET);
  expect(jane.user.patches).toEqual([]);
});
