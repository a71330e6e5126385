/** The options for TanStack Query, with its own client and observers, before the real service. */
import { afterEach, expect, test } from '@jest/globals';
import { MutationObserver, QueryClient, QueryObserver } from '@tanstack/query-core';
import { ConflictError, StepUpRequiredError } from '../../packages/client/src/errors.ts';
import {
  createMetadataMutation,
  createMetadataQuery,
  getMetadataQueryKey,
  invalidateMetadataOnChange,
} from '../../packages/client/src/tanstack-query.ts';
import { openStage } from '../http/events/stage.ts';
import { until } from '../support/until.ts';
import { createTestClient, getRejection } from './create-test-client.ts';

interface Preferences {
  theme?: string;
  language?: string;
  payout?: string;
}

const USER = 'auth0|jane';
const ends: Array<() => void> = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function openApp(policy: unknown = {}) {
  const { service, dashboard, token, jane } = await openStage({ env: { AUTH0_EVENTS: 'false' }, policy });
  await jane.patch({ theme: 'dark' });
  let current = token;
  const { client, sent } = createTestClient<Preferences>({
    baseUrl: service.url,
    getAccessToken: async () => current,
  });
  const queryClient = new QueryClient();
  ends.push(() => queryClient.clear());
  const observer = new QueryObserver(queryClient, createMetadataQuery(client, USER));
  ends.push(observer.subscribe(() => undefined));
  const shows = (theme: string) =>
    until(() => (observer.getCurrentResult().data?.value.theme === theme ? true : undefined));
  const login = async () => {
    current = await dashboard.token({ claims: { auth_time: Math.floor(Date.now() / 1000) } });
  };
  return { jane, client, sent, queryClient, shows, login };
}

test('the query reads the document, and each change of others invalidates it', async () => {
  const { jane, client, queryClient, shows } = await openApp();
  await shows('dark');
  ends.push(invalidateMetadataOnChange(client, queryClient, USER));
  await jane.patch({ theme: 'light' });
  expect(await shows('light')).toBe(true);
});

test('a mutation writes, and its result is the query’s data without another read', async () => {
  const { client, sent, queryClient, shows } = await openApp();
  await shows('dark');
  const mutation = new MutationObserver(queryClient, createMetadataMutation(client, queryClient, USER));
  await mutation.mutate({ theme: 'blue' });
  await shows('blue');
  expect(sent.map(({ method }) => method)).toEqual(['GET', 'PATCH']);
  expect(sent[1]?.headers.has('if-match')).toBe(true);
});

test('a mutation of what others have changed is a conflict, and changes nothing', async () => {
  const { jane, client, queryClient, shows } = await openApp();
  await shows('dark');
  await jane.patch({ theme: 'light' });
  const mutation = new MutationObserver(queryClient, createMetadataMutation(client, queryClient, USER));
  const conflict = await getRejection(ConflictError, mutation.mutate({ theme: 'blue' }));
  expect(conflict.current).toMatchObject({ theme: 'light' });
  expect(mutation.getCurrentResult().error).toBe(conflict);
  expect((await jane.read()).body).toMatchObject({ theme: 'light' });
});

test('a mutation that needs a new login is sent once, and is stored when it is sent again after the login', async () => {
  const properties = { payout: { type: 'string', 'x-step-up': { max_age: 300 } } };
  const app = await openApp({ userMetadata: { schema: { type: 'object', properties } } });
  const { jane, client, sent, queryClient, shows, login } = app;
  await shows('dark');
  const mutation = new MutationObserver(queryClient, createMetadataMutation(client, queryClient, USER));
  const error = await getRejection(StepUpRequiredError, mutation.mutate({ payout: 'b' }));
  expect([error.maxAge, error.acrValues]).toEqual([300, []]);
  expect(sent.map(({ method }) => method)).toEqual(['GET', 'PATCH']);
  const { error: shown, variables } = mutation.getCurrentResult();
  expect(shown).toBe(error);
  if (variables === undefined) throw new Error('the edit is lost');
  await login();
  await mutation.mutate(variables);
  expect((await jane.read()).body).toMatchObject({ theme: 'dark', payout: 'b' });
});

test('each user has a query of their own', () => {
  expect(getMetadataQueryKey('a')).not.toEqual(getMetadataQueryKey('b'));
});
