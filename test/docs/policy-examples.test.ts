/** The examples of docs/policy.md: the service starts with each, and the consent is stored as it says. */
import { expect, test } from '@jest/globals';
import { openScene } from '../support/scene.ts';
import { startService } from '../support/service.ts';
import { pageAt } from './documents.ts';

const { fences } = pageAt('docs/policy.md');
const policies = fences
  .filter(({ info }) => info === 'json policy')
  .map(({ text }): unknown => JSON.parse(text));
const consent = policies.find((policy) => JSON.stringify(policy).includes('accepted_at'));
const shown = fences.find(({ info, text }) => info === 'json' && text.includes('accepted_at'));
const { person } = await openScene({ policy: consent });

test.each(policies.map((policy) => [policy]))('the service starts with %j', async (policy) => {
  const { url } = await startService({ policy, awaitReady: false });
  expect((await fetch(`${url}/schemas/user-metadata`)).status).toBe(200);
});

test('a consent is stored with its time and application, and a time of one’s own is refused', async () => {
  const jane = await person({});
  const response = await jane.ask('PATCH', '', { json: { terms: { version: '2026-04' } } });
  expect(await response.json()).toEqual({
    terms: {
      ...Object(JSON.parse(shown?.text ?? '')).terms,
      accepted_at: expect.stringMatching(/^\d{4}-.*Z$/),
    },
  });
  const forged = { terms: { version: '2025-01', accepted_at: '2020-01-01T00:00:00Z' } };
  expect((await jane.ask('PATCH', '', { json: forged })).status).toBe(403);
  expect((await jane.ask('PATCH', '', { json: { terms: { version: '1999-01' } } })).status).toBe(422);
});
