/** The client in a real browser: where the body of a write goes, and how often `watch` asks. */
import { afterAll, expect, test } from '@jest/globals';
import { join } from 'node:path';
import express from 'express';
import { openListener } from '../../packages/local-tenant/src/listener.ts';
import { ROOT } from '../docs/documents.ts';
import { until } from '../support/until.ts';
import { launchChromium } from './chromium.ts';

const browser = await launchChromium();
const elsewhere = await openListener(0);
const origin = await openListener(0);
afterAll(async () => {
  await browser.close();
  await Promise.all([elsewhere.close(), origin.close()]);
});

const reached: string[] = [];
elsewhere.serve(
  express().use((req, res) => {
    reached.push(req.method);
    const allowed = ['authorization', 'cache-control', 'content-type', 'if-match', 'if-none-match'];
    res.set({
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Allow-Methods': '*',
      'Access-Control-Allow-Headers': allowed.join(),
    });
    res.json({});
  }),
);

let streams = 0;
const app = express();
app.use('/client', express.static(join(ROOT, 'packages/client/dist')));
app.get('/', (_req, res) => void res.type('html').send('<!doctype html><title>page</title>'));
app.get('/favicon.ico', (_req, res) => void res.sendStatus(204));
app.get('/me/events', (_req, res) => {
  streams += 1;
  // 35 days: in milliseconds more than 31 bits, which a browser takes for a negative time.
  res.status(503).set('Retry-After', '3000000').json({});
});
app.use('/me', (req, res) => res.redirect(307, `http://localhost:${elsewhere.port}${req.originalUrl}`));
origin.serve(app);

async function openPage() {
  const page = await browser.newPage();
  await page.goto(`http://localhost:${origin.port}/`);
  return page;
}

test('a redirect to another origin is followed neither by a read nor by a write', async () => {
  const page = await openPage();
  const codes = await page.evaluate(async () => {
    const { createMetadataClient } = await import(new URL('/client/index.js', location.href).href);
    const client = createMetadataClient({
      baseUrl: location.origin,
      getAccessToken: async () => 'token',
      retry: { maxAttempts: 1 },
    });
    const outcomes = await Promise.allSettled([client.read(), client.patch({ theme: 'dark' })]);
    return outcomes.map((outcome) => ('reason' in outcome ? Object(outcome.reason).code : 'resolved'));
  });
  expect([codes, reached]).toEqual([['network_failed', 'network_failed'], []]);
});

test('a Retry-After that no timer can hold does not make watch ask again at once', async () => {
  const page = await openPage();
  await page.evaluate(async () => {
    const { createMetadataClient } = await import(new URL('/client/index.js', location.href).href);
    const client = createMetadataClient({ baseUrl: location.origin, getAccessToken: async () => 'token' });
    await new Promise((resolve) => {
      client.watch(() => undefined, { onError: resolve });
    });
    // An overflowing timer would fire before these.
    for (let count = 0; count < 50; count += 1) await new Promise((resolve) => setTimeout(resolve, 1));
  });
  await until(() => (streams > 0 ? true : undefined));
  expect(streams).toBe(1);
});
