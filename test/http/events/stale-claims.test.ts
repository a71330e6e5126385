/** Events say which claims of the stream's token differ from what is stored. */
import { describe, expect, test } from '@jest/globals';
import { putJson } from '../../tenant/tenant-client.ts';
import { feedOpen, JANE, openStage, personAt } from './stage.ts';

const LANGUAGE = 'https://app.example.com/language';
const PLAN = 'https://app.example.com/plan';
const POLICY = {
  appMetadata: { readable: ['plan'] },
  claims: { [PLAN]: '/app_metadata/plan', [LANGUAGE]: '/user_metadata/language' },
};

describe('an event', () => {
  test('names the claims of the stream’s token that are stale now', async () => {
    const { service: stage, dashboard } = await openStage({ policy: POLICY });
    const { follow, patch } = personAt(stage, await dashboard.token({ claims: { [LANGUAGE]: 'en' } }));
    const reader = await follow();
    expect(await reader.nextData('stream.opened')).not.toHaveProperty('claims_stale');
    await patch({ language: 'de' });
    expect(await reader.nextData('metadata.updated')).toMatchObject({
      keys: ['language'],
      claims_stale: [LANGUAGE],
    });
    await patch({ language: 'en' });
    expect(await reader.nextData('metadata.updated')).not.toHaveProperty('claims_stale');
  });

  test('comes for a change behind a claim alone, made elsewhere', async () => {
    const { service: stage, dashboard, tenant } = await openStage({ policy: POLICY });
    await feedOpen(dashboard);
    const reader = await personAt(stage, await dashboard.token({ claims: { [PLAN]: 'pro' } })).follow();
    await reader.nextData('stream.opened');
    await putJson(`${tenant.url}/_local/users/${encodeURIComponent(JANE)}`, {
      app_metadata: { plan: 'gold' },
    });
    expect(await reader.nextData('metadata.updated')).toMatchObject({ keys: [], claims_stale: [PLAN] });
  });
});
