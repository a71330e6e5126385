/** Claims of the caller's own token that differ from what is stored: `Claims-Stale`. */
import { describe, expect, test } from '@jest/globals';
import { parseList } from 'structured-headers';
import { createDevice } from '../support/dpop.ts';
import { openScene } from '../support/scene.ts';
import { mintToken } from '../support/tokens.ts';

const LANGUAGE = 'https://app.example.com/language';
const DAY = 'https://app.example.com/day';
const PLAN = 'https://app.example.com/plan';
const POLICY = {
  appMetadata: { readable: ['plan'] },
  scopedKeys: { 'use:theme': { readable: ['theme'], writable: ['theme'] } },
  clients: { narrow: { readable: ['theme'] } },
  claims: {
    [PLAN]: '/app_metadata/plan',
    [LANGUAGE]: '/user_metadata/language',
    [DAY]: '/user_metadata/digest/days/0',
  },
};
const DOCUMENT = { language: 'en', theme: 'dark', digest: { days: ['monday'] } };
const CARRIED = { [LANGUAGE]: 'en', [DAY]: 'monday' };

const scene = await openScene({ policy: POLICY, env: { CORS_ORIGINS: 'https://app.example.com' } });
const plain = await openScene();
const { person, service } = scene;

const getStale = ({ headers }: Response) => headers.get('claims-stale');

async function personWith(claims: Readonly<Record<string, unknown>> = CARRIED) {
  return person(DOCUMENT, claims);
}

describe('Claims-Stale', () => {
  test('is absent while the claims say what is stored, and from the write on that changes it', async () => {
    const { ask } = await personWith();
    expect(getStale(await ask('GET'))).toBeNull();
    const written = await ask('PATCH', '', { json: { language: 'de' } });
    expect([written.status, getStale(written)]).toEqual([200, `"${LANGUAGE}"`]);
    expect(getStale(await ask('GET'))).toBe(`"${LANGUAGE}"`);
    expect(getStale(await ask('PATCH', '', { json: { language: 'en' } }))).toBeNull();
  });

  test('is a list of strings, in the order of the names', async () => {
    const { ask } = await personWith();
    const value = getStale(
      await ask('PATCH', '', { json: { language: 'de', digest: { days: ['friday'] } } }),
    );
    expect(parseList(value ?? '').map(([item]) => item)).toEqual([DAY, LANGUAGE]);
  });

  test.each([
    ['GET', '', undefined],
    ['HEAD', '', undefined],
    ['GET', '/theme', undefined],
    ['GET', '/missing', undefined],
    ['PUT', '/theme', 'light'],
    ['DELETE', '/theme', undefined],
    ['PATCH', '', { theme: 'light' }],
    ['PUT', '', { theme: 'light' }],
    ['DELETE', '', undefined],
  ])('stands on the answer to %s %s', async (method, path, json) => {
    const { ask } = await personWith({ [LANGUAGE]: 'fr' });
    expect(getStale(await ask(method, path, { json }))).toBe(`"${LANGUAGE}"`);
  });

  test.each<[number, string, string, object]>([
    [412, 'PATCH', '', { json: { theme: 'light' }, headers: { 'if-match': '"old"' } }],
    [412, 'PUT', '/theme', { json: 'light', headers: { 'if-none-match': '*' } }],
    [
      422,
      'PATCH',
      '',
      {
        body: '[{"op":"remove","path":"/missing"}]',
        headers: { 'content-type': 'application/json-patch+json' },
      },
    ],
  ])('stands on the refusal %d to %s %s', async (status, method, path, sent) => {
    const { ask } = await personWith({ [LANGUAGE]: 'fr' });
    const refused = await ask(method, path, sent);
    expect([refused.status, getStale(refused)]).toEqual([status, `"${LANGUAGE}"`]);
  });

  test('stands on the refusal of one of two writes that are sent together', async () => {
    const { ask } = await personWith({ [LANGUAGE]: 'fr' });
    const headers = { 'if-match': '"old"' };
    const [written, refused] = await Promise.all([
      ask('PATCH', '', { json: { theme: 'light' } }),
      ask('PATCH', '', { json: { theme: 'blue' }, headers }),
    ]);
    expect([written.status, refused.status]).toEqual([200, 412]);
    expect([getStale(written), getStale(refused)]).toEqual([`"${LANGUAGE}"`, `"${LANGUAGE}"`]);
  });

  test.each(['/me', '/me/app-metadata', '/me/policy', '/me/events'])(
    'stands on the answer to GET %s',
    async (path) => {
      const { token } = await personWith({
        [LANGUAGE]: 'fr',
        scope: 'read:metadata read:app_metadata',
      });
      const leaving = new AbortController();
      const response = await fetch(`${service.url}${path}`, {
        headers: { authorization: `Bearer ${token}` },
        signal: leaving.signal,
      });
      expect([response.status, getStale(response)]).toEqual([200, `"${LANGUAGE}"`]);
      leaving.abort();
    },
  );

  test('stands on a 304, which takes it back where nothing is stale any more', async () => {
    const { user, ask } = await personWith({ [LANGUAGE]: 'fr' });
    const etag = (await ask('GET')).headers.get('etag') ?? '';
    const same = await ask('GET', '', { headers: { 'if-none-match': etag } });
    expect([same.status, getStale(same)]).toEqual([304, `"${LANGUAGE}"`]);
    const renewed = await mintToken({ claims: { sub: user.id, ...CARRIED } });
    const current = await ask('GET', '', {
      headers: { authorization: `Bearer ${renewed}`, 'if-none-match': etag },
    });
    expect([current.status, getStale(current)]).toEqual([304, '']);
  });

  test('names a claim whose value was removed, or has another type', async () => {
    const { ask } = await personWith({ [LANGUAGE]: 'en', [DAY]: ['monday'] });
    expect(getStale(await ask('DELETE', '/language'))).toBe(`"${DAY}", "${LANGUAGE}"`);
  });

  test('never names a claim that the token lacks, nor one that the policy does not map', async () => {
    const { ask } = await personWith({ 'https://app.example.com/other': 'x' });
    const written = await ask('PATCH', '', { json: { language: 'de' } });
    const read = await ask('GET', '', { headers: { 'if-none-match': written.headers.get('etag') ?? '' } });
    expect([getStale(written), read.status, getStale(read)]).toEqual([null, 304, null]);
  });

  test.each([
    ['the policy for its application', { azp: 'narrow' }],
    ['the scopes of its token', { scope: 'use:theme' }],
  ])('says nothing of a key that %s hides', async (_by, claims) => {
    const { ask } = await personWith({ [LANGUAGE]: 'fr', ...claims });
    expect(getStale(await ask('GET'))).toBeNull();
    expect(getStale(await ask('PATCH', '', { json: { theme: 'light' } }))).toBeNull();
  });

  test('compares with app_metadata', async () => {
    const { ask, user } = await personWith({ [PLAN]: 'free' });
    expect(getStale(await ask('GET'))).toBe(`"${PLAN}"`);
    expect(user.reads).toBe(1);
  });

  test('is for the very token of the request, whichever came before', async () => {
    const { ask, user } = await personWith({ [LANGUAGE]: 'fr' });
    const token = await mintToken({ claims: { sub: user.id, ...CARRIED } });
    for (const [authorization, stale] of [
      [undefined, `"${LANGUAGE}"`],
      [`Bearer ${token}`, null],
      [undefined, `"${LANGUAGE}"`],
    ] as const) {
      const headers = authorization === undefined ? {} : { authorization };
      expect(getStale(await ask('GET', '', { headers }))).toBe(stale);
    }
  });

  test('is the same for a token that is bound to a key', async () => {
    const { user } = await personWith();
    const { token, proof } = await createDevice({ claims: { sub: user.id, [LANGUAGE]: 'fr' } });
    const url = `${service.url}/me/metadata`;
    const response = await fetch(url, {
      headers: { authorization: `DPoP ${token}`, dpop: await proof(url) },
    });
    expect([response.status, getStale(response)]).toEqual([200, `"${LANGUAGE}"`]);
  });

  test('may be read by pages of other origins', async () => {
    const { ask } = await personWith({ [LANGUAGE]: 'fr' });
    const response = await ask('GET', '', { headers: { origin: 'https://app.example.com' } });
    expect(response.headers.get('access-control-expose-headers')?.split(',')).toContain('Claims-Stale');
  });

  test('is never there without claims in the policy', async () => {
    const { ask } = await plain.person(DOCUMENT, { [LANGUAGE]: 'fr' });
    const response = await ask('GET');
    expect([response.status, getStale(response)]).toEqual([200, null]);
  });
});
