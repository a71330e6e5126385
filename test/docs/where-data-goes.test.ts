/** The Action of `docs/where-data-goes.md`, run as it stands, with what Auth0 hands to one. */
import { describe, expect, test } from '@jest/globals';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';
import { VARIABLES } from '../../config/variables.ts';
import { pageAt } from './documents.ts';

const page = pageAt('docs/where-data-goes.md');
const source = page.fences.find(({ info }) => info === 'js action')?.text ?? '';

const setting = (claims: Map<string, unknown>) => ({
  setCustomClaim: (name: string, value: unknown) => void claims.set(name, value),
});

/** The claims of either token after a log-in of this user. */
async function claimsOf(user: object) {
  const sandbox = { exports: {} };
  runInNewContext(source, sandbox);
  const { onExecutePostLogin } = z
    .object({ onExecutePostLogin: z.custom<(event: unknown, api: unknown) => Promise<void>>() })
    .parse(sandbox.exports);
  const idToken = new Map<string, unknown>();
  const accessToken = new Map<string, unknown>();
  await onExecutePostLogin({ user }, { idToken: setting(idToken), accessToken: setting(accessToken) });
  return { idToken: Object.fromEntries(idToken), accessToken: Object.fromEntries(accessToken) };
}

describe('the post-login Action', () => {
  const NAMESPACE = 'https://metadata.example.com/';

  test('maps both kinds of metadata to namespaced claims', async () => {
    const user = {
      user_metadata: { language: 'en', theme: 'dark', interests: ['chess'] },
      app_metadata: { plan: 'pro', roles: ['member'] },
    };
    expect(await claimsOf(user)).toEqual({
      idToken: {
        [`${NAMESPACE}language`]: 'en',
        [`${NAMESPACE}theme`]: 'dark',
        [`${NAMESPACE}plan`]: 'pro',
      },
      accessToken: { [`${NAMESPACE}plan`]: 'pro' },
    });
  });

  test.each([{}, { user_metadata: {}, app_metadata: {} }, { user_metadata: { language: null } }])(
    'sets nothing for a user with %j',
    async (user) => {
      expect(await claimsOf(user)).toEqual({ idToken: {}, accessToken: {} });
    },
  );

  test('keeps out what a user made too large or of another type', async () => {
    const user = { user_metadata: { language: 'x'.repeat(65), theme: { deep: [] } } };
    expect(await claimsOf(user)).toEqual({ idToken: {}, accessToken: {} });
  });

  test('lets nothing that users write into the access token', async () => {
    const user = { user_metadata: { plan: 'enterprise', language: 'en', theme: 'dark' } };
    expect((await claimsOf(user)).accessToken).toEqual({});
  });
});

test('the limit that the page names is the default', () => {
  expect(page.text).toContain(`${VARIABLES.USER_METADATA_MAX_BYTES.default} bytes`);
});
