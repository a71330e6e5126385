/** The options for TanStack Query, with its own client and observers, before the real service. */
import { afterEach, expect, test } from '@jest/globals';
import { MutationObserver, QueryClient, QueryObserver } from '@tanstack/query-core';
import { ConflictError } from '../../packages/client/src/errors.ts';
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
}

const USER = 'auth0|jane';
const ends: Array<() => void> = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function openApp() {
  const { service, token, jane } = await openStage({ env: { AUTH0_EVENTS: 'false' } });
  await jane.patch({ theme: 'dark' });
  const { client, sent } = createTestClient<Preferences>({
    baseUrl: service.url,
    getAccessToken: async () => token,
  });
  const queryClient = new QueryClient();
  ends.push(() => queryClient.clear());
  const observer = new QueryObserver(queryClient, createMetadataQuery(client, USER));
  ends.push(observer.subscribe(() => undefined));
  const shows = (theme: string) =>
    until(() => (observer.getCurrentResult().data?.value.theme === theme ? true : undefined));
  return { jane, client, sent, queryClient, shows };
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

test('each user has a query of their own', () => {
  expect(getMetadataQueryKey('a')).not.toEqual(getMetadataQueryKey('b'));
});
