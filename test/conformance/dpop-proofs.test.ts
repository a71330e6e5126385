/** DPoP as an independent client makes it: what oauth4webapi signs is accepted, and nothing that differs from it. */
import { describe, expect, test } from '@jest/globals';
import * as oauth from 'oauth4webapi';
import { openScene } from '../support/scene.ts';
import { mintToken } from '../support/tokens.ts';

const { service, person } = await openScene();

type Keys = Awaited<ReturnType<typeof oauth.generateKeyPair>>;

interface Holder {
  readonly keys: Keys;
  readonly token: string;
}

/** A user whose token is bound to a key of this algorithm. */
async function holderOf(alg: string): Promise<Holder> {
  const keys = await oauth.generateKeyPair(alg, { extractable: true });
  const jkt = await oauth.DPoP({}, keys).calculateThumbprint();
  const { user } = await person({ theme: 'dark' });
  return { keys, token: await mintToken({ claims: { sub: user.id, cnf: { jkt } } }) };
}

type Modify = (header: Record<string, unknown>, payload: Record<string, unknown>) => void;

interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
  /** Seconds by which the client's clock is ahead. */
  readonly skew?: number;
  /** The key of the proof, in place of the holder's. */
  readonly keys?: Keys;
  readonly modify?: Modify;
  /** What is sent in place of what the proof was made for. */
  readonly sent?: { readonly method?: string; readonly path?: string; readonly token?: string };
}

/** The request as the library sends it, and the challenge as the library reads it. */
async function ask(
  holder: Holder,
  { method = 'GET', path = '/me/metadata', body, skew = 0, ...rest }: Ask = {},
) {
  const { keys = holder.keys, modify = () => undefined, sent = {} } = rest;
  const handle = oauth.DPoP({ [oauth.clockSkew]: skew }, keys, { [oauth.modifyAssertion]: modify });
  const options = {
    DPoP: handle,
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: (
      url: string,
      init: oauth.CustomFetchOptions<string, oauth.ProtectedResourceRequestBody>,
    ) => {
      const headers = new Headers(init.headers);
      if (sent.token !== undefined) headers.set('authorization', `DPoP ${sent.token}`);
      const target = sent.path === undefined ? url : `${service.url}${sent.path}`;
      return fetch(target, {
        method: sent.method ?? init.method,
        headers,
        ...(body === undefined ? {} : { body }),
      });
    },
  };
  const headers = new Headers(body === undefined ? {} : { 'content-type': 'application/json' });
  try {
    const url = new URL(`${service.url}${path}`);
    const response = await oauth.protectedResourceRequest(holder.token, method, url, headers, body, options);
    return { status: response.status, errors: [] };
  } catch (thrown) {
    if (!(thrown instanceof oauth.WWWAuthenticateChallengeError)) throw thrown;
    const dpop = thrown.cause.filter(({ scheme }) => scheme === 'dpop');
    return { status: thrown.status, errors: dpop.map(({ parameters }) => parameters.error) };
  }
}

const setClaim =
  (name: string, value: string): Modify =>
  (_header, payload) =>
    void (payload[name] = value);

const ACCEPTED = { status: 200, errors: [] };
const PROOF_REFUSED = { status: 401, errors: ['invalid_dpop_proof'] };
const TOKEN_REFUSED = { status: 401, errors: ['invalid_token'] };

describe.each(['ES256', 'RS256', 'PS256'])('a proof by a key of %s', (alg) => {
  test.each<readonly [string, Ask]>([
    ['GET', {}],
    ['GET with a query', { path: '/me/metadata?fields=theme&include_fields=true' }],
    ['GET of a path with an escape', { path: '/me/metadata/th%65me' }],
    ['PATCH', { method: 'PATCH', body: '{"a":1}' }],
    ['PUT of a key', { method: 'PUT', path: '/me/metadata/theme', body: '"light"' }],
    ['GET from a clock a minute behind', { skew: -60 }],
    ['GET from a clock a little ahead', { skew: 20 }],
  ])('is accepted for %s', async (_name, given) => {
    expect(await ask(await holderOf(alg), given)).toEqual(ACCEPTED);
  });
});

describe('a proof is refused', () => {
  test.each<readonly [string, Ask]>([
    ['for another method', { method: 'GET', sent: { method: 'DELETE' } }],
    ['for another path', { sent: { path: '/me' } }],
    ['for a path below', { sent: { path: '/me/metadata/theme' } }],
    ['made five minutes ago', { skew: -300 }],
    ['made for in five minutes', { skew: 300 }],
    [
      'without the hash of the token',
      { modify: (_header, payload) => Reflect.deleteProperty(payload, 'ath') },
    ],
    [
      'for another host',
      { modify: (_header, payload) => void (payload['htu'] = 'https://evil.example/me/metadata') },
    ],
    [
      'with a query in its address that hides another path',
      { modify: (_header, payload) => void (payload['htu'] = `${service.url}/me?x=/me/metadata`) },
    ],
    ['of another type', { modify: (header) => void (header['typ'] = 'jwt') }],
    ['without an identifier', { modify: (_header, payload) => Reflect.deleteProperty(payload, 'jti') }],
  ])('%s', async (_name, given) => {
    expect(await ask(await holderOf('ES256'), given)).toEqual(PROOF_REFUSED);
  });

  test('for another token, which is bound to the same key', async () => {
    const holder = await holderOf('ES256');
    const jkt = await oauth.DPoP({}, holder.keys).calculateThumbprint();
    const other = await mintToken({ claims: { cnf: { jkt }, jti: 'other' } });
    expect(await ask(holder, { sent: { token: other } })).toEqual(PROOF_REFUSED);
  });

  test('by another key than that of the token', async () => {
    const keys = await oauth.generateKeyPair('ES256', { extractable: true });
    expect(await ask(await holderOf('ES256'), { keys })).toEqual(TOKEN_REFUSED);
  });
});

test('a nonce that the service did not ask for does not matter', async () => {
  expect(await ask(await holderOf('ES256'), { modify: setClaim('nonce', 'unasked') })).toEqual(ACCEPTED);
});

test('of two requests with the same identifier the second is refused', async () => {
  const holder = await holderOf('ES256');
  const modify = setClaim('jti', 'the same');
  expect([await ask(holder, { modify }), await ask(holder, { modify })]).toEqual([ACCEPTED, PROOF_REFUSED]);
});
