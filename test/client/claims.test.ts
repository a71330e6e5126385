/** Claims of the token that follow the metadata, before a service in memory that compares them as the real one does. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Fetch } from '../../packages/client/src/runtime.ts';
import { until } from '../support/until.ts';
import { createTestClient } from './create-test-client.ts';

const CLAIM = 'https://app.example.com/language';

interface Preferences {
  language?: string;
  theme?: string;
}

/** A user whose token says what `language` was when it was made, if the tenant maps it. */
function openUser({ isMapped = true, isLoggedIn = true, onRefresh = (): void => undefined } = {}) {
  let stored: Preferences = { language: 'en' };
  let version = 1;
  let tokens = 1;
  let claim = stored.language;
  let endStream: (() => void) | undefined;
  let sendEvent: ((text: string) => void) | undefined;
  const user = {
    refreshes: 0,
    told: new Array<string[]>(),
    change(changes: Preferences) {
      stored = { ...stored, ...changes };
      version += 1;
    },
    announce() {
      sendEvent?.(
        `event: metadata.updated\ndata: {"etag":"\\"${version}\\"","keys":["language"],"claims_stale":["${CLAIM}"]}\n\n`,
      );
    },
    endStream: () => endStream?.(),
  };
  const getAccessToken = async ({ forceRefresh }: { readonly forceRefresh: boolean }) => {
    if (forceRefresh) {
      user.refreshes += 1;
      if (!isLoggedIn) throw new Error('login_required');
      tokens += 1;
      if (isMapped) claim = stored.language;
      onRefresh();
    }
    return `${tokens}:${claim ?? ''}`;
  };
  const service: Fetch = async (url, init) => {
    if (url.endsWith('/me/events')) {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          sendEvent = (text) => controller.enqueue(new TextEncoder().encode(text));
          endStream = () => controller.close();
        },
      });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    }
    if (init.method === 'PATCH') user.change(JSON.parse(await new Response(init.body ?? null).text()));
    const [, value] = (new Headers(init.headers).get('authorization') ?? '').split(':');
    return Response.json(stored, {
      headers: {
        etag: `"${version}"`,
        ...(value === stored.language ? {} : { 'claims-stale': `"${CLAIM}"` }),
      },
    });
  };
  const open = (options: { refreshStaleClaims?: boolean } = { refreshStaleClaims: true }) =>
    createTestClient<Preferences>({
      baseUrl: 'http://service.invalid',
      fetch: service,
      getAccessToken,
      // The jitter passes at once; no other timer does.
      fires: (ms) => ms === 0,
      onClaims: (stale) => void user.told.push([...stale]),
      ...options,
    });
  return { user, open };
}

const settled = (user: { readonly told: string[][] }) =>
  until(() => (user.told.at(-1)?.length === 0 ? true : undefined));

describe('a client that refreshes stale claims', () => {
  test('asks for one new token after a change, and says when the claims are fresh', async () => {
    const { user, open } = openUser();
    const { client } = open();
    await client.patch({ language: 'de' });
    await settled(user);
    expect([user.refreshes, user.told]).toEqual([1, [[CLAIM], []]]);
    await client.read();
    await client.patch({ theme: 'dark' });
    expect(user.refreshes).toBe(1);
  });

  test('asks again after the next change', async () => {
    const { user, open } = openUser();
    const { client } = open();
    for (const language of ['de', 'fr', 'el']) {
      await client.patch({ language });
      await settled(user);
    }
    expect(user.refreshes).toBe(3);
  });

  test('asks once, and never in a loop, where the tenant does not map the claim', async () => {
    const { user, open } = openUser({ isMapped: false });
    const { client, sent } = open();
    await client.patch({ language: 'de' });
    // The write, and the look at the new token.
    await until(() => (sent.length === 2 ? true : undefined));
    for (let count = 0; count < 5; count += 1) await client.read();
    await client.patch({ theme: 'dark' });
    await client.patch({ theme: 'light' });
    expect([user.refreshes, user.told]).toEqual([1, [[CLAIM]]]);
  });

  test('asks again if the document has changed while the token was made', async () => {
    let changes = 0;
    const { user, open } = openUser({
      onRefresh() {
        changes += 1;
        if (changes === 1) user.change({ language: 'fr' });
      },
    });
    const { client } = open();
    await client.patch({ language: 'de' });
    await settled(user);
    expect(user.refreshes).toBe(2);
  });

  test('does not count responses to requests with the earlier token', async () => {
    const { user, open } = openUser();
    const { client } = open();
    await Promise.all([client.patch({ language: 'de' }), client.read(), client.read()]);
    await settled(user);
    await client.read();
    expect(user.refreshes).toBe(1);
  });

  test('looks at the claims after an event about them, though the app reads nothing', async () => {
    const { user, open } = openUser();
    const { client, sent } = open();
    const stop = client.watch(() => undefined);
    await until(() => (sent.some(({ url }) => url.endsWith('/me/events')) ? true : undefined));
    user.change({ language: 'de' });
    user.announce();
    await settled(user);
    expect(user.refreshes).toBe(1);
    stop();
    user.endStream();
  });

  test('goes on when no new token is to be had', async () => {
    const { user, open } = openUser({ isLoggedIn: false });
    const { client } = open();
    await client.patch({ language: 'de' });
    await until(() => (user.refreshes === 1 ? true : undefined));
    expect((await client.read()).value).toEqual({ language: 'de' });
    expect([user.refreshes, user.told]).toEqual([1, [[CLAIM]]]);
  });
});

describe('in a hidden tab', () => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
  afterEach(() => {
    Reflect.deleteProperty(globalThis, 'document');
  });

  test('no token is asked for until the tab is seen', async () => {
    Object.defineProperty(globalThis, 'document', { value: page, configurable: true });
    const { user, open } = openUser();
    const { client } = open();
    await client.patch({ language: 'de' });
    await client.read();
    expect([user.refreshes, user.told]).toEqual([0, [[CLAIM]]]);
    page.visibilityState = 'visible';
    page.dispatchEvent(new Event('visibilitychange'));
    await settled(user);
    expect(user.refreshes).toBe(1);
  });
});

test('a client that only wants to know asks for no token', async () => {
  const { user, open } = openUser();
  const { client } = open({ refreshStaleClaims: false });
  await client.patch({ language: 'de' });
  await client.read();
  expect([user.refreshes, user.told]).toEqual([0, [[CLAIM]]]);
});
