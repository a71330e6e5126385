/** Addresses at which callers reach the service: the host they may name, a path in front, and links that follow. */
import { describe, expect, test } from '@jest/globals';
import { createDevice } from '../support/dpop.ts';
import { expectProblem } from '../support/problem.ts';
import { exchangeBytes, type RawRequest, sendRaw } from '../support/raw-http.ts';
import { openScene, type Scene } from '../support/scene.ts';
import { APPLICATION, AUDIENCE } from '../support/tokens.ts';

const APP = 'https://app.example.com/api/profile';
const HOST = 'app.example.com';
const WELL_KNOWN = '/.well-known/oauth-protected-resource';

const scene = await openScene({ env: { PUBLIC_URL: APP, CORS_ORIGINS: 'https://page.example.com' } });
const several = await openScene({
  env: {
    PUBLIC_URL:
      'https://one.example.com,http://localhost:3000,http://[::1]:3000,https://one.example.com/deep,https://one.example.com/deep/er,http://localhost:3000/x',
    TRUSTED_PROXIES: 'loopback',
    AUTH0_COMPAT: 'true',
  },
});
const compat = await openScene({ env: { PUBLIC_URL: 'https://app.example.com/api', AUTH0_COMPAT: 'true' } });
const both = await openScene({
  env: { PUBLIC_URL: 'https://localhost/p,http://localhost/p', TRUSTED_PROXIES: 'loopback' },
});
const anywhere = await openScene({ env: { TRUSTED_PROXIES: 'loopback' } });
const jane = await scene.person({ theme: 'dark' });
const authorization = `Bearer ${jane.token}`;

/** A request that names this host. */
function send({ service }: Scene, host: string | undefined, request: Partial<RawRequest> = {}) {
  const { path = '/me/metadata', headers = {}, ...rest } = request;
  return sendRaw(service.port, { ...rest, path, headers: { authorization, host, ...headers } });
}

function getLink(response: Response): string | undefined {
  return /resource_metadata="([^"]+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1];
}

describe('with PUBLIC_URL, a request', () => {
  test.each(['app.example.com', 'APP.example.COM', 'app.example.com:443'])(
    'for the host %s is answered',
    async (host) => {
      const response = await send(scene, host);
      expect([response.status, await response.json()]).toEqual([200, { theme: 'dark' }]);
    },
  );

  test.each([
    'evil.example',
    'app.example.com.evil.example',
    'xapp.example.com',
    'example.com',
    'app.example.com:8443',
    'app.example.com:80',
    'app.example.com.',
    'app.example.com@evil.example',
    '127.0.0.1',
    'localhost',
    '',
  ])('for the host "%s" is 421, whatever token it carries', async (host) => {
    await expectProblem(await send(scene, host), 421, 'misdirected_request');
    expect(scene.managementCalls()).toBe(0);
  });

  test.each([
    ['GET', '/me/metadata'],
    ['PUT', '/me/metadata'],
    ['DELETE', '/me/metadata/theme'],
    ['OPTIONS', '/me/metadata'],
    ['POST', '/me/metadata'],
    ['GET', '/api/profile/me/metadata'],
    ['GET', '/nowhere'],
    ['GET', '/docs'],
    ['GET', '/openapi.json'],
    ['GET', WELL_KNOWN],
    ['GET', '/livez'],
  ])('for another host is 421 before anything else is looked at: %s %s', async (method, path) => {
    const response = await send(scene, 'evil.example', {
      method,
      path,
      headers: { authorization: 'Bearer x' },
    });
    expect(response.headers.get('www-authenticate')).toBeNull();
    await expectProblem(response, 421, 'misdirected_request');
  });

  test('cannot choose the host by X-Forwarded-Host of its own', async () => {
    const headers = { 'x-forwarded-host': HOST };
    await expectProblem(await send(scene, 'evil.example', { headers }), 421, 'misdirected_request');
    expect((await send(scene, HOST, { headers: { 'x-forwarded-host': 'evil.example' } })).status).toBe(200);
  });

  test('has the host that a trusted proxy saw', async () => {
    const headers = { 'x-forwarded-host': 'one.example.com', 'x-forwarded-proto': 'https' };
    expect((await send(several, 'backend:3000', { headers })).status).toBe(200);
    const foreign = { ...headers, 'x-forwarded-host': 'evil.example' };
    await expectProblem(
      await send(several, 'one.example.com', { headers: foreign }),
      421,
      'misdirected_request',
    );
  });

  test('may be in absolute form, whose host counts', async () => {
    const fields = `Host: evil.example\r\nAuthorization: ${authorization}\r\nConnection: close`;
    const ask = (target: string) =>
      exchangeBytes(scene.service.port, `GET ${target} HTTP/1.1\r\n${fields}\r\n\r\n`);
    expect((await ask(`http://${HOST}/me/metadata`)).status).toBe(200);
    await expectProblem(await ask('http://evil.example/me/metadata'), 421, 'misdirected_request');
  });

  test('from a page to another host is refused so that the page can read why', async () => {
    const headers = { origin: 'https://page.example.com' };
    const response = await send(scene, 'evil.example', { headers });
    expect(response.headers.get('access-control-allow-origin')).toBe('https://page.example.com');
    await expectProblem(response, 421, 'misdirected_request');
    const preflight = await send(scene, 'evil.example', {
      method: 'OPTIONS',
      headers: { ...headers, 'access-control-request-method': 'PATCH' },
    });
    await expectProblem(preflight, 421, 'misdirected_request');
  });

  test.each(['one.example.com', 'localhost:3000', '[::1]:3000'])(
    'for any of several hosts is answered: %s',
    async (host) => {
      expect((await send(several, host)).status).toBe(200);
    },
  );
});

describe('a path in front', () => {
  test.each(['/me/metadata', '/api/profile/me/metadata', '/api/profile/me/metadata?fields=theme'])(
    'is understood whether a proxy keeps it or not: %s',
    async (path) => {
      const response = await send(scene, HOST, { path });
      expect([response.status, await response.json()]).toEqual([200, { theme: 'dark' }]);
    },
  );

  test('leaves keys as they are, encoded slashes too', async () => {
    const user = await scene.person({ 'a/b': 1, api: 2 });
    const headers = { authorization: `Bearer ${user.token}` };
    const [slash, name] = [
      await send(scene, HOST, { path: '/api/profile/me/metadata/a%2Fb', headers }),
      await send(scene, HOST, { path: '/me/metadata/api', headers }),
    ];
    expect([await slash.json(), await name.json()]).toEqual([1, 2]);
  });

  test.each([
    '/api/profileme/metadata',
    '/api/me/metadata',
    '/api/profile/api/profile/me/metadata',
    '/API/profile/me/metadata',
    '/api%2Fprofile/me/metadata',
    '/api/profile',
    '/api/profile/',
    '/api/profile?x',
    '//api/profile/me/metadata',
  ])('is no other path: %s is 404', async (path) => {
    expect(scene.managementCalls()).toBe(0);
    await expectProblem(await send(scene, HOST, { path }), 404, 'route_not_found');
  });

  test('works for every kind of request', async () => {
    const user = await scene.person({ a: 1 });
    const headers = { authorization: `Bearer ${user.token}`, 'content-type': 'application/json' };
    const path = '/api/profile/me/metadata';
    const write = await send(scene, HOST, { method: 'PATCH', path, headers, chunks: ['{"b":2}'] });
    expect([write.status, user.user.stored]).toEqual([200, { a: 1, b: 2 }]);
    const options = await send(scene, HOST, { method: 'OPTIONS', path });
    expect(options.headers.get('allow')).toContain('PATCH');
    const page = await send(scene, HOST, { path: '/api/profile/docs' });
    expect(await page.text()).toContain('src="docs/start.js"');
  });

  test.each(['/api/v2/users/', '/api/api/v2/users/'])(
    'that a resource of ours begins with hides nothing: %s',
    async (prefix) => {
      const user = await compat.person({ a: 1 }, { scope: 'read:current_user' });
      const path = prefix + encodeURIComponent(user.user.id);
      const headers = { authorization: `Bearer ${user.token}` };
      const response = await send(compat, HOST, { path, headers });
      expect([response.status, await response.json()]).toMatchObject([200, { user_metadata: { a: 1 } }]);
      expect((await send(compat, HOST, { path: '/api/me', headers })).status).toBe(403);
    },
  );
});

/** The link of a challenge where both schemes have an address at one host. */
async function linkFrom(scheme: string): Promise<string | undefined> {
  const headers = { authorization: '', 'x-forwarded-proto': scheme };
  return getLink(await send(both, 'localhost', { path: '/p/me', headers }));
}

describe('links', () => {
  test.each(['/me', '/api/profile/me'])(
    'in a challenge for %s are below the public address',
    async (path) => {
      const response = await send(scene, HOST, { path, headers: { authorization: '' } });
      expect(getLink(response)).toBe(`${APP}${WELL_KNOWN}`);
    },
  );

  test.each([
    WELL_KNOWN,
    `/api/profile${WELL_KNOWN}`,
    `${WELL_KNOWN}/api/profile`,
    `${WELL_KNOWN}/api/profile?x`,
  ])('lead to a description of the public address: %s', async (path) => {
    const response = await send(scene, HOST, { path });
    expect(await response.json()).toMatchObject({ resource: APP });
  });

  test('of other resources have no place below .well-known', async () => {
    for (const path of [`${WELL_KNOWN}/api`, `${WELL_KNOWN}/api/profile/me`, `${WELL_KNOWN}/`]) {
      const response = await send(scene, HOST, { path });
      expect(response.headers.get('allow')).toBeNull();
      await expectProblem(response, 404, 'route_not_found');
    }
  });

  test.each([
    ['one.example.com', '/', 'https://one.example.com'],
    ['one.example.com:443', '/deep/', 'https://one.example.com/deep'],
    ['one.example.com', '/deep/er/', 'https://one.example.com/deep/er'],
    ['localhost:3000', '/', 'http://localhost:3000'],
    ['localhost:3000', '/x/', 'http://localhost:3000/x'],
    ['[::1]:3000', '/', 'http://[::1]:3000'],
  ])('are for the address at which the request came: %s%s', async (host, prefix, expected) => {
    const description = await send(several, host, { path: `${prefix}${WELL_KNOWN.slice(1)}` });
    expect(await description.json()).toMatchObject({ resource: expected });
    const refusal = await send(several, host, { path: `${prefix}me`, headers: { authorization: '' } });
    expect(getLink(refusal)).toBe(`${expected}${WELL_KNOWN}`);
  });

  test('of an address that is there in both schemes follow the scheme of the request', async () => {
    expect(await linkFrom('http')).toBe(`http://localhost/p${WELL_KNOWN}`);
    expect(await linkFrom('https')).toBe(`https://localhost/p${WELL_KNOWN}`);
  });

  test('of the OpenAPI document are the configured addresses', async () => {
    const response = await send(scene, HOST, { path: '/openapi.json' });
    expect(await response.json()).toMatchObject({ servers: [{ url: APP }] });
    const unset = await send(anywhere, 'any.example', { path: '/openapi.json' });
    expect(await unset.json()).toMatchObject({ servers: [{ url: '/' }] });
  });
});

async function askWithProof(of: Scene, host: string, path: string, htu: string, headers = {}) {
  const device = await createDevice({ claims: { sub: jane.user.id, azp: APPLICATION } });
  const dpop = await device.proof(htu);
  return send(of, host, { path, headers: { authorization: `DPoP ${device.token}`, dpop, ...headers } });
}

describe('a DPoP proof', () => {
  test.each(['/me/metadata', '/api/profile/me/metadata', '/me/metadata?fields=theme'])(
    'is for the public address, whether a proxy keeps its path or not: %s',
    async (path) => {
      expect((await askWithProof(scene, HOST, path, `${APP}/me/metadata`)).status).toBe(200);
    },
  );

  test.each([
    ['without the path in front', 'https://app.example.com/me/metadata'],
    ['for another scheme', 'http://app.example.com/api/profile/me/metadata'],
    ['for another host', 'https://evil.example/api/profile/me/metadata'],
    ['with the path twice', `${APP}/api/profile/me/metadata`],
  ])('%s is refused', async (_name, htu) => {
    const response = await askWithProof(scene, HOST, '/api/profile/me/metadata', htu);
    expect(response.headers.get('www-authenticate')).toMatch(/^DPoP error="invalid_dpop_proof"/);
    await expectProblem(response, 401, 'dpop_proof_invalid');
  });

  test('that was made for another service cannot be used here by naming its host', async () => {
    const response = await askWithProof(
      scene,
      'evil.example',
      '/me/metadata',
      'http://evil.example/me/metadata',
    );
    expect(response.headers.get('www-authenticate')).toBeNull();
    await expectProblem(response, 421, 'misdirected_request');
  });

  test('is for the address of several at which the request came', async () => {
    const [deep, wrong] = [
      await askWithProof(
        several,
        'one.example.com',
        '/deep/me/metadata',
        'https://one.example.com/deep/me/metadata',
      ),
      await askWithProof(
        several,
        'one.example.com',
        '/deep/me/metadata',
        'https://one.example.com/me/metadata',
      ),
    ];
    expect([deep.status, wrong.status]).toEqual([200, 401]);
  });
});

describe('without PUBLIC_URL', () => {
  test.each(['javascript', 'ftp', '//', 'https"', ''])(
    'the scheme "%s" of a trusted proxy does not reach a link',
    async (scheme) => {
      const headers = { authorization: '', 'x-forwarded-proto': scheme };
      const response = await send(anywhere, 'any.example', { headers });
      expect(getLink(response)).toBe(`http://any.example${WELL_KNOWN}`);
    },
  );

  test('the two schemes of HTTP do, in any case', async () => {
    const headers = { authorization: '', 'x-forwarded-proto': 'HTTPS' };
    expect(getLink(await send(anywhere, 'any.example', { headers }))).toBe(
      `https://any.example${WELL_KNOWN}`,
    );
  });

  test('a proof fits no request whose host is none', async () => {
    const device = await createDevice();
    const dpop = await device.proof('http://any.example/me/metadata');
    const headers = { authorization: `DPoP ${device.token}`, dpop };
    const response = await send(anywhere, 'any/example', { headers });
    expect(getLink(response)).toBeUndefined();
    await expectProblem(response, 401, 'dpop_proof_invalid');
  });

  test('the description names the audience', async () => {
    const response = await send(anywhere, 'any.example', { path: WELL_KNOWN });
    expect(await response.json()).toMatchObject({ resource: AUDIENCE });
  });
});
