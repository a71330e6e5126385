/** What a real browser lets the pages of an origin send to the service and read from it. */
import { afterAll, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { loadConfig } from '../../config/load.ts';
import { createService } from '../../src/composition/service.ts';
import { createSelfSignedCertificate } from '../../packages/local-tenant/src/certificate.ts';
import { startTenant } from '../../packages/local-tenant/src/tenant.ts';
import { launchChromium } from './chromium.ts';

const PREVIEW = 'https://pr-7.preview.example.com';
const OTHER_PREVIEW = 'https://a.b.preview.example.com';

const tenant = await startTenant();
const allowed = await servePage();
const foreign = await servePage();
const previews = await servePage({ secure: true });
// The names of previews lead to this machine, so that nothing stands between the page and the service.
const browser = await launchChromium(
  `--host-resolver-rules=MAP *.example.com:443 127.0.0.1:${previews.port}`,
);
const service = await createService(
  loadConfig(
    {
      HOST: '127.0.0.1',
      PORT: '0',
      OPS_PORT: '0',
      AUDIENCE: tenant.apiAudience,
      ISSUER_BASE_URL: tenant.url,
      AUTH0_MANAGEMENT_URL: tenant.url,
      AUTH0_CLIENT_ID: 'local-bff',
      AUTH0_CLIENT_SECRET: 'local-secret',
      CORS_ORIGINS: `${allowed.origin},https://*.preview.example.com`,
      CORS_ALLOWED_HEADERS: 'baggage',
      LOG_LEVEL: 'silent',
      AUDIT_LOG: 'off',
    },
    () => '{}',
  ),
);
const { port } = await service.start();
const api = `http://127.0.0.1:${port}`;
const token = await getToken();

afterAll(async () => {
  await browser.close();
  await Promise.all([allowed.close(), foreign.close(), previews.close(), service.stop()]);
  await tenant.stop();
});

/** Answers every request with a page that does nothing. */
function servesPage(_req: IncomingMessage, res: ServerResponse): void {
  res.setHeader('Content-Type', 'text/html').end('<!doctype html><title>page</title>');
}

/** The page on a port of its own, and so of an origin of its own. */
async function servePage({ secure = false } = {}) {
  const server = secure ? createSecureServer(createIdentity(), servesPage) : createServer(servesPage);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    port: address.port,
    origin: `http://localhost:${address.port}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** A key and a certificate that nothing trusts. */
function createIdentity(): { readonly key: string; readonly cert: string } {
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const body = createSelfSignedCertificate(keys).toString('base64');
  return {
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`,
  };
}

async function getToken(): Promise<string> {
  const response = await fetch(`${tenant.url}/_local/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sub: 'auth0|jane', scope: 'read:metadata update:metadata' }),
  });
  return String(Object(await response.json()).access_token);
}

interface Fetched {
  /** 0 where the browser kept the answer from the page. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends a request from a page of this origin, and tells what the page sees of the answer. */
async function fetchFrom(
  origin: string,
  method: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string,
): Promise<Fetched> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  try {
    const page = await context.newPage();
    await page.goto(`${origin}/`);
    const request = {
      url: `${api}/me/metadata`,
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body === undefined ? {} : { body }),
    };
    return await page.evaluate(async ({ url, ...init }) => {
      try {
        const response = await fetch(url, init);
        const seen = Object.fromEntries(response.headers);
        return { status: response.status, headers: seen, body: await response.text() };
      } catch {
        return { status: 0, headers: {}, body: '' };
      }
    }, request);
  } finally {
    await context.close();
  }
}

const TRACED = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'vendor=1',
  pragma: 'no-cache',
  baggage: 'user=7',
};

test('a page of an allowed origin reads with the headers of tracing, and sees the exposed headers', async () => {
  const { status, headers, body } = await fetchFrom(allowed.origin, 'GET', TRACED);
  expect([status, Object.keys(Object(JSON.parse(body))).length > 0]).toEqual([200, true]);
  expect(Object.keys(headers)).toEqual(
    expect.arrayContaining(['etag', 'cache-status', 'metadata-quota', 'ratelimit', 'x-request-id']),
  );
});

test('a page of an allowed origin writes with a precondition', async () => {
  const { headers } = await fetchFrom(allowed.origin, 'GET');
  const conditions = { 'if-match': headers['etag'] ?? '', 'content-type': 'application/merge-patch+json' };
  const write = await fetchFrom(allowed.origin, 'PATCH', { ...conditions, ...TRACED }, '{"theme":"dark"}');
  expect([write.status, JSON.parse(write.body)]).toMatchObject([200, { theme: 'dark' }]);
});

test('a page of an allowed origin can read why it was refused', async () => {
  const { status, headers, body } = await fetchFrom(allowed.origin, 'GET', { authorization: 'Bearer a.b.c' });
  expect([status, JSON.parse(body)]).toMatchObject([401, { code: 'token_invalid' }]);
  expect(headers['www-authenticate']).toMatch(/^Bearer /);
});

test('a page below a wildcard reads, and one two labels below does not', async () => {
  expect((await fetchFrom(PREVIEW, 'GET', TRACED)).status).toBe(200);
  expect((await fetchFrom(OTHER_PREVIEW, 'GET', TRACED)).status).toBe(0);
});

test('a page of another origin reads nothing', async () => {
  expect((await fetchFrom(foreign.origin, 'GET')).status).toBe(0);
});

test('a header that is not allowed keeps the request from being sent', async () => {
  expect((await fetchFrom(allowed.origin, 'GET', { 'sentry-trace': '1' })).status).toBe(0);
});
