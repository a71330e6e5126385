import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import { openScene } from '../support/scene.ts';

const APP = 'https://app.example.com';
const { person, service, managementCalls } = await openScene({
  env: { CORS_ORIGINS: `${APP},http://localhost:5173` },
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
  test.each([APP, 'http://localhost:5173'])('from %s is granted without a token', async (origin) => {
    const response = await preflight(origin);
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe(origin);
    expect(list(response, 'access-control-allow-methods')).toEqual(['get', 'head', 'put', 'patch', 'delete']);
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
  ])('from %s is not', async (origin) => {
    const response = await preflight(origin);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(list(response, 'vary')).toContain('origin');
  });

  test('from anywhere is not where no origin is configured', async () => {
    const response = await preflight(APP, 'PATCH', closed.service.url);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('a request', () => {
  test('from an allowed origin may be read, with the fields that an app needs', async () => {
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

  test('from another origin is answered, but not to be read by its page', async () => {
    const response = await jane.ask('GET', '', { headers: { origin: 'https://evil.example' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('may never carry credentials of the browser', async () => {
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
