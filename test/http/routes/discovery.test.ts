/** Documents for everybody, challenges that lead to them, and the methods of each resource. */
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../../support/problem.ts';
import { AUDIENCE, ISSUER } from '../../support/tokens.ts';
import { openResources } from './resources.ts';

const SCHEMA = { type: 'object', properties: { theme: { enum: ['dark', 'light'], 'x-label': 'Theme' } } };
const { service, user, managementCalls } = await openResources({
  policy: { userMetadata: { schema: SCHEMA } },
});
const { service: bare } = await openResources();
const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const SCHEMA_PATH = '/schemas/user-metadata';

const METHODS: ReadonlyArray<readonly [path: string, allow: string]> = [
  ['/me', 'GET, HEAD, OPTIONS'],
  ['/me/metadata', 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'],
  ['/me/metadata/key', 'GET, HEAD, PUT, DELETE, OPTIONS'],
  ['/me/app-metadata', 'GET, HEAD, OPTIONS'],
  ['/client/metadata', 'GET, HEAD, OPTIONS'],
  [SCHEMA_PATH, 'GET, HEAD, OPTIONS'],
  [WELL_KNOWN, 'GET, HEAD, OPTIONS'],
];

describe.each(METHODS)('%s', (path, allow) => {
  test('lists its methods to OPTIONS without a token', async () => {
    const response = await fetch(`${service.url}${path}`, { method: 'OPTIONS' });
    expect([response.status, response.headers.get('allow')]).toEqual([204, allow]);
    expect(response.headers.get('accept-patch')).toBe(
      allow.includes('PATCH')
        ? 'application/merge-patch+json, application/json, application/json-patch+json'
        : null,
    );
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'].filter((method) => !allow.includes(method)))(
    'refuses %s before it asks for a token',
    async (method) => {
      const response = await fetch(`${service.url}${path}`, { method });
      expect(response.headers.get('allow')).toBe(allow);
      await expectProblem(response, 405, 'method_not_allowed');
    },
  );

  test.each([`${path}/`, path.toUpperCase(), `${path}/a/b`])('is not at %s', async (other) => {
    const response = await fetch(`${service.url}${other}`);
    expect(managementCalls()).toBe(0);
    await expectProblem(response, 404, 'route_not_found');
  });
});

/** Where a challenge says that this resource is described. */
function metadataUrl(response: Response): string {
  return /resource_metadata="([^"]+)"/.exec(response.headers.get('www-authenticate') ?? '')?.[1] ?? '';
}

describe('a challenge', () => {
  const PROTECTED = ['/me', '/me/metadata', '/me/metadata/key', '/me/app-metadata', '/client/metadata'];
  test.each(PROTECTED)('of %s leads to the description of this resource', async (path) => {
    const { ask } = await user({}, { scope: 'openid' });
    const refusals = [
      await fetch(`${service.url}${path}`),
      await ask(path, 'GET', { authorization: 'Bearer a.b.c' }),
      await ask(path, 'GET', { authorization: 'DPoP a.b.c' }),
      await ask(path),
    ];
    expect(refusals.map(({ status }) => status)).toEqual([401, 401, 401, 403]);
    const urls = refusals.map(metadataUrl);
    expect(new Set(urls)).toEqual(new Set([`${service.url}${WELL_KNOWN}`]));
    const described = await fetch(urls[0] ?? '');
    expect(await described.json()).toMatchObject({ resource: AUDIENCE });
  });
});

describe('the description', () => {
  test('is as RFC 9728 has it', async () => {
    const response = await fetch(`${service.url}${WELL_KNOWN}`);
    expect(await response.json()).toEqual({
      resource: AUDIENCE,
      authorization_servers: [ISSUER],
      scopes_supported: ['read:metadata', 'update:metadata', 'read:app_metadata', 'read:client_metadata'],
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: expect.arrayContaining(['ES256']),
      dpop_bound_access_tokens_required: false,
    });
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });
});

describe('the schema', () => {
  test('is the one of the operator as it stands', async () => {
    const response = await fetch(`${service.url}${SCHEMA_PATH}`);
    // Forms show the properties in this order.
    expect(await response.text()).toBe(JSON.stringify(SCHEMA));
    expect(response.headers.get('content-type')).toBe('application/schema+json; charset=utf-8');
  });

  test('allows everything where there is none', async () => {
    const response = await fetch(`${bare.url}${SCHEMA_PATH}`);
    expect(await response.json()).toEqual({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
    });
  });
});

describe.each([WELL_KNOWN, SCHEMA_PATH])('%s', (path) => {
  test('may be kept by any cache for a while, and is not sent twice', async () => {
    const response = await fetch(`${service.url}${path}`);
    expect(response.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/);
    const etag = response.headers.get('etag') ?? '';
    const again = await fetch(`${service.url}${path}`, { headers: { 'if-none-match': etag } });
    expect([again.status, again.headers.get('etag'), await again.text()]).toEqual([304, etag, '']);
  });

  test('needs no token, minds a wrong one as little, and asks the tenant for nothing', async () => {
    const headers = { authorization: 'Bearer nonsense' };
    const [head, other] = [
      await fetch(`${service.url}${path}`, { method: 'HEAD' }),
      await fetch(`${service.url}${path}`, { headers }),
    ];
    expect([head.status, await head.text(), other.status]).toEqual([200, '', 200]);
    expect(managementCalls()).toBe(0);
  });
});
