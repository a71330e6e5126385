/** What holds for React 18 and 19: components in a DOM of their own, before the real service. */
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { Window } from 'happy-dom';
import type * as React from 'react';
import type { ReactElement } from 'react';
import type * as ReactDom from 'react-dom/client';
import type * as ReactServer from 'react-dom/server';
import type * as MetadataReact from '../../packages/client/src/react.ts';
import { openStage } from '../http/events/stage.ts';
import { until } from '../support/until.ts';

interface Preferences {
  readonly payout?: string;
  readonly theme?: string;
  readonly language?: string;
}
type Result = MetadataReact.UseMetadataResult<Preferences>;

/** One version of React, and the client on top of it. */
export interface ReactVersion {
  readonly react: Pick<typeof React, 'createElement' | 'StrictMode' | 'version'>;
  readonly dom: Pick<typeof ReactDom, 'createRoot' | 'hydrateRoot'>;
  readonly server: Pick<typeof ReactServer, 'renderToString'>;
  readonly metadata: typeof MetadataReact;
}

/** React looks for these globals when it is loaded. */
export function installDom(): void {
  const window = new Window({ url: 'http://localhost/' });
  const { document, navigator, HTMLIFrameElement } = window;
  for (const [name, value] of Object.entries({ window, document, navigator, HTMLIFrameElement })) {
    Object.defineProperty(globalThis, name, { value, configurable: true });
  }
  afterAll(() => window.happyDOM.close());
}

export function testReact(major: string, { react, dom, server, metadata }: ReactVersion): void {
  const { createElement, StrictMode } = react;
  const { MetadataProvider, useMetadata } = metadata;
  const Lonely = () => createElement('p', null, useMetadata().status);
  const unmounts: Array<() => void> = [];
  afterEach(() => {
    for (const unmount of unmounts.splice(0)) unmount();
  });

  async function openApp(policy: unknown = {}) {
    const stage = await openStage({ env: { AUTH0_EVENTS: 'false' }, policy });
    const container = document.createElement('div');
    const results: Result[] = [];
    const streams: string[] = [];
    function View(): ReactElement {
      const result = useMetadata<Preferences>();
      results.push(result);
      return createElement('p', null, `${result.status} ${result.value?.theme ?? '-'}`);
    }
    const createApp = (props: Partial<MetadataReact.MetadataProviderProps> = {}) =>
      createElement(
        StrictMode,
        null,
        createElement(
          MetadataProvider,
          {
            baseUrl: stage.service.url,
            getAccessToken: async () => stage.token,
            fetch: (url, init) => {
              if (url.endsWith('/me/events')) streams.push(url);
              return fetch(url, init);
            },
            ...props,
          },
          // Two readers of one state.
          createElement(View),
          createElement(View),
        ),
      );
    const render = (app = createApp()) => {
      const root = dom.createRoot(container);
      unmounts.push(() => root.unmount());
      root.render(app);
      return root;
    };
    const shows = (text: string) =>
      until(() => (container.textContent === `${text}${text}` ? true : undefined));
    const latest = (): Result => {
      const result = results.at(-1);
      if (!result) throw new Error('nothing was rendered');
      return result;
    };
    return { ...stage, container, streams, results, createApp, render, shows, latest };
  }

  test('is the version that the test names', () => {
    expect(react.version).toMatch(new RegExp(`^${major}\\.`));
  });

  test('shows the document, and what others change, over one stream', async () => {
    const { jane, render, shows, streams } = await openApp();
    await jane.patch({ theme: 'dark' });
    render();
    await shows('ready dark');
    await until(() => (streams.length > 0 ? true : undefined));
    await jane.patch({ theme: 'light' });
    await shows('ready light');
    expect(streams.length).toBe(1);
  });

  test('changes the document, and all readers show it', async () => {
    const { jane, render, shows, latest } = await openApp();
    await jane.patch({ theme: 'dark' });
    render();
    await shows('ready dark');
    expect(await latest().patch({ theme: 'blue' })).toBe(true);
    await shows('ready blue');
    expect((await jane.read()).body).toMatchObject({ theme: 'blue' });
  });

  test('shows a conflict until the user chooses, and stores what they choose', async () => {
    const { jane, render, shows, latest } = await openApp();
    await jane.patch({ theme: 'dark' });
    render();
    await shows('ready dark');
    const { etag, patch } = latest();
    await jane.patch({ theme: 'light' });
    await shows('ready light');
    // As a form does that was opened before.
    const options = { ifMatch: etag ?? '' };
    expect(await patch({ theme: 'blue' }, options)).toBe(false);
    await until(() => latest().conflict);
    expect(latest().conflict).toMatchObject({ current: { theme: 'light' }, changes: { theme: 'blue' } });
    await latest().resolveConflict('theirs');
    await until(() => (latest().conflict === undefined ? true : undefined));
    await shows('ready light');

    expect(await latest().patch({ theme: 'blue' }, options)).toBe(false);
    await until(() => latest().conflict);
    expect(await latest().resolveConflict('mine')).toBe(true);
    await shows('ready blue');
    expect(latest().conflict).toBeUndefined();
  });

  test('shows why the document cannot be read, and reads it again', async () => {
    const { jane, token, createApp, render, shows, latest } = await openApp();
    await jane.patch({ theme: 'dark' });
    let current = 'wrong';
    render(createApp({ getAccessToken: async () => current }));
    await shows('error -');
    expect(latest().error).toMatchObject({ code: 'token_invalid' });
    current = token;
    await latest().refresh();
    await shows('ready dark');
    expect(latest().error).toBeUndefined();
  });

  test('shows that a change needs a new login until it is stored, and what others change meanwhile', async () => {
    const properties = { payout: { type: 'string', 'x-step-up': { max_age: 300, acr_values: ['mfa'] } } };
    const { dashboard, jane, token, createApp, render, shows, latest } = await openApp({
      userMetadata: { schema: { type: 'object', properties } },
    });
    await jane.patch({ theme: 'dark' });
    let current = token;
    const asked: boolean[] = [];
    const getAccessToken: MetadataReact.MetadataProviderProps['getAccessToken'] = async ({
      forceRefresh,
    }) => {
      asked.push(forceRefresh);
      return current;
    };
    render(createApp({ getAccessToken }));
    await shows('ready dark');
    const edit = { payout: 'b' };
    const rejection = { name: 'StepUpRequiredError', maxAge: 300, acrValues: ['mfa'] };
    await expect(latest().patch(edit)).rejects.toMatchObject(rejection);
    await until(() => latest().error);
    expect(latest()).toMatchObject({ status: 'ready', error: rejection, value: { theme: 'dark' } });
    await jane.patch({ theme: 'light' });
    await shows('ready light');
    expect(latest().error).toMatchObject(rejection);

    const now = Math.floor(Date.now() / 1000);
    current = await dashboard.token({ claims: { auth_time: now, acr: 'mfa' } });
    expect(await latest().patch(edit)).toBe(true);
    await until(() => (latest().error === undefined ? true : undefined));
    expect((await jane.read()).body).toMatchObject({ theme: 'light', payout: 'b' });
    expect(asked).not.toContain(true);
  });

  test('forgets that a change needs a new login when the app reads again instead', async () => {
    const properties = { payout: { type: 'string', 'x-step-up': { max_age: 300 } } };
    const { jane, render, shows, latest } = await openApp({
      userMetadata: { schema: { type: 'object', properties } },
    });
    await jane.patch({ theme: 'dark' });
    render();
    await shows('ready dark');
    await expect(latest().patch({ payout: 'b' })).rejects.toMatchObject({ code: 'step_up_required' });
    await until(() => latest().error);
    await latest().refresh();
    await until(() => (latest().error === undefined ? true : undefined));
    expect(latest().status).toBe('ready');
  });

  test('uses the token function of the latest rendering', async () => {
    const { token, createApp, render, shows, latest } = await openApp();
    const root = render(createApp({ getAccessToken: async () => 'wrong' }));
    await shows('error -');
    root.render(createApp({ getAccessToken: async () => token }));
    await until(async () => {
      await latest().refresh();
      return latest().status === 'ready' ? true : undefined;
    });
    expect(latest().error).toBeUndefined();
  });

  test('shows which claims of the token are stale, and tells the app', async () => {
    const { createApp, render, results, latest } = await openApp();
    const told: Array<readonly string[]> = [];
    const onClaims = (stale: readonly string[]) => void told.push(stale);
    render(
      createApp({
        onClaims,
        async fetch(url, init) {
          const response = await fetch(url, init);
          const headers = new Headers(response.headers);
          if (!url.endsWith('/me/metadata')) return response;
          headers.set('claims-stale', '"language", "a\\"b"');
          return new Response(response.body, { status: response.status, headers });
        },
      }),
    );
    await until(() => (results.at(-1)?.staleClaims.length ? true : undefined));
    expect(latest().staleClaims).toEqual(['language', 'a"b']);
    expect(told[0]).toEqual(['language', 'a"b']);
  });

  test('ends its stream when the last reader is gone', async () => {
    const { jane, createApp, render, shows } = await openApp();
    await jane.patch({ theme: 'dark' });
    const signals: AbortSignal[] = [];
    const app = createApp({
      fetch: (url, init) => {
        if (url.endsWith('/me/events') && init.signal) signals.push(init.signal);
        return fetch(url, init);
      },
    });
    const root = render(app);
    await shows('ready dark');
    await until(() => signals[0]);
    expect(signals[0]?.aborted).toBe(false);
    root.unmount();
    await until(() => (signals[0]?.aborted ? true : undefined));
  });

  test('renders on a server what it was given, and goes on from there in the browser', async () => {
    const { jane, container, createApp, shows, results } = await openApp();
    await jane.patch({ theme: 'dark' });
    expect(server.renderToString(createApp())).toBe('<p>loading -</p><p>loading -</p>');
    const stored = await jane.read();
    const initialSnapshot = { value: stored.body, etag: stored.headers.get('etag') ?? '' };
    const html = server.renderToString(createApp({ initialSnapshot }));
    expect(html).toBe('<p>ready dark</p><p>ready dark</p>');

    container.innerHTML = html;
    results.length = 0;
    const root = dom.hydrateRoot(container, createApp({ initialSnapshot }));
    unmounts.push(() => root.unmount());
    await until(() => (results.length > 0 ? true : undefined));
    await jane.patch({ theme: 'light' });
    await shows('ready light');
    expect(results.map(({ status }) => status)).toEqual(results.map(() => 'ready'));
  });

  test('says that a provider is missing', () => {
    expect(() => server.renderToString(createElement(Lonely))).toThrow(
      'useMetadata() needs a MetadataProvider above it.',
    );
  });
}
