import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { openScene } from '../support/scene.ts';

const APP = 'https://app.example.com';
const EXTENSION = 'chrome-extension://abcdefghijklmnopabcdefghijklmnop';
const WILDCARDS = ['https://*.preview.example.com', 'https://*.example.net:8443'];
const APPS = ['capacitor://localhost', 'ionic://localhost', 'tauri://localhost', 'app://.', EXTENSION];
const { person, service, managementCalls } = await openScene({
  env: {
    CORS_ORIGINS: [APP, 'http://localhost:5173', ...APPS, ...WILDCARDS].join(),
    CORS_ALLOWED_HEADERS: 'baggage, sentry-trace, authorization',
  },
});
const closed = await openScene();
const jane = await person({ a: 1 });

async function preflight(origin: string, method = 'PATCH', url = service.url): Promise<Response> {
  return fetch(`${url}/me/metadata`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type,if-match',
    },
  });
}

function list(response: Response, name: string): string[] {
  return (response.headers.get(name) ?? '').split(',').map((item) => item.trim().toLowerCase());
}

describe('a preflight', () => {
  const MATCHES = ['https://a.preview.example.com', 'https://xn--bcher-kva.example.net:8443'];

  test.each([APP, 'http://localhost:5173', ...APPS, ...MATCHES])(
    'from %s is granted without a token',
    async (origin) => {
      const response = await preflight(origin);
      expect(response.status).toBe(204);
      expect(response.headers.get('access-control-allow-origin')).toBe(origin);
      expect(list(response, 'access-control-allow-methods')).toEqual([
        'get',
        'head',
        'put',
        'patch',
        'delete',
      ]);
      expect(list(response, 'access-control-allow-headers')).toEqual(
        expect.arrayContaining([
          'authorization',
          'content-type',
          'dpop',
          'if-match',
          'if-none-match',
          'prefer',
        ]),
      );
      expect(Number(response.headers.get('access-control-max-age'))).toBeGreaterThan(0);
      expect(list(response, 'vary')).toContain('origin');
      expect(managementCalls()).toBe(0);
    },
  );

  test.each([
    'traceparent',
    'tracestate',
    'pragma',
    'cache-control',
    'last-event-id',
    'baggage',
    'sentry-trace',
  ])('allows pages to send the header %s', async (name) => {
    const response = await preflight(APP);
    expect(list(response, 'access-control-allow-headers')).toContain(name);
  });

  test('names each header once, and without CORS_ALLOWED_HEADERS none but those that the service reads', async () => {
    const names = list(await preflight(APP), 'access-control-allow-headers');
    expect(names).toHaveLength(new Set(names).size);
    const usual = list(await preflight(APP, 'PATCH', closed.service.url), 'access-control-allow-headers');
    expect(usual).toEqual(expect.arrayContaining(['traceparent', 'tracestate', 'pragma']));
    expect(usual).not.toContain('baggage');
  });

  test.each([
    'https://evil.example',
    'https://app.example.com.evil.example',
    'https://evil-app.example.com',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://APP.example.com',
    'https://app.example.co',
    'null',
    '*',
    // One label stands for the star, in https and on the same port.
    'https://preview.example.com',
    'https://a.b.preview.example.com',
    'https://.preview.example.com',
    'https://*.preview.example.com',
    'https://A.preview.example.com',
    'http://a.preview.example.com',
    'https://a.preview.example.com:8443',
    'https://a.example.net',
    'https://a.example.net:8444',
    'https://a.preview.example.com.evil.example',
    'https://evil.example/.preview.example.com',
    'https://evil.example#.preview.example.com',
    'https://user@a.preview.example.com',
    'https://evilpreview.example.com',
    'https://a.preview.example.com/',
    'https://a.preview.example.com, https://app.example.com',
    'capacitor://localhost:8100',
    'capacitor://evil',
    'chrome-extension://ponmlkjihgfedcbaponmlkjihgfedcba',
    'app://',
  ])('from %s is not granted', async (origin) => {
    const response = await preflight(origin);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(list(response, 'vary')).toContain('origin');
  });

  test('is not granted to any origin where none is configured', async () => {
    const response = await preflight(APP, 'PATCH', closed.service.url);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('a request', () => {
  test('from an allowed origin may be read by its page, with the headers that an app needs', async () => {
    const response = await jane.ask('GET', '', { headers: { origin: APP } });
    expect(response.headers.get('access-control-allow-origin')).toBe(APP);
    expect(list(response, 'access-control-expose-headers')).toEqual(
      expect.arrayContaining([
        'etag',
        'retry-after',
        'cache-status',
        'metadata-quota',
        'www-authenticate',
        'x-request-id',
      ]),
    );
    expect(list(response, 'vary')).toEqual(expect.arrayContaining(['authorization', 'origin']));
  });

  test.each(['capacitor://localhost', 'https://a.preview.example.com'])(
    'from %s is answered for that origin only, and caches can tell',
    async (origin) => {
      const responses = [
        await jane.ask('GET', '', { headers: { origin } }),
        await fetch(`${service.url}/nowhere`, { headers: { origin } }),
        await jane.ask('OPTIONS', '', { headers: { origin } }),
      ];
      expect(responses.map(({ status }) => status)).toEqual([200, 404, 204]);
      for (const response of responses) {
        expect(response.headers.get('access-control-allow-origin')).toBe(origin);
        expect(list(response, 'vary')).toContain('origin');
      }
      expect(responses[2]?.headers.get('allow')).toContain('PATCH');
    },
  );

  test('from another origin is answered, but its page may not read the answer', async () => {
    const response = await jane.ask('GET', '', { headers: { origin: 'https://evil.example' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('never allows the credentials of the browser', async () => {
    const responses = await Promise.all([jane.ask('GET', '', { headers: { origin: APP } }), preflight(APP)]);
    expect(responses.map(({ headers }) => headers.get('access-control-allow-credentials'))).toEqual([
      null,
      null,
    ]);
  });

  test.each([
    ['without a token', 'GET', '/me/metadata', 401, 'token_missing'],
    ['for an unknown address', 'GET', '/nowhere', 404, 'route_not_found'],
    ['with an unknown method', 'POST', '/me/metadata', 405, 'method_not_allowed'],
  ])('%s is refused so that the page can read why', async (_name, method, path, status, code) => {
    const response = await fetch(`${service.url}${path}`, { method, headers: { origin: APP } });
    expect(response.headers.get('access-control-allow-origin')).toBe(APP);
    expect(list(response, 'access-control-expose-headers')).toContain('www-authenticate');
    expect(list(response, 'vary')).toContain('origin');
    await expectProblem(response, status, code);
  });
});
