/** The service behind nginx and Caddy as `docs/deploying.md` configures them. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { openSite, type Site, type Stream } from './site.ts';
import { SITE, startCaddy, startNginx } from './proxies.ts';

const PUBLIC_URL = `https://${SITE}`;
const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const JSON_TYPE = { 'content-type': 'application/json' };
const PROXIES = [
  { name: 'nginx', start: startNginx },
  { name: 'Caddy', start: startCaddy },
] as const;

/** The status for a token that is none, from this address, with what its sender says of the address. */
async function askBadly(site: Site, from: string, forwarded: string): Promise<number> {
  const headers = { authorization: 'Bearer a.b.c', 'x-forwarded-for': forwarded };
  return (await site.ask('/me', { from, headers })).status;
}

describe.each(PROXIES)('behind $name', ({ start }) => {
  let site: Site;
  let authorization: string;

  beforeAll(async () => {
    site = await openSite(start, { env: { PUBLIC_URL, AUTH_FAILURES_PER_MINUTE: '2' } });
    authorization = await site.authorize('auth0|jane');
  });
  afterAll(() => site.stop());

  test('a read is answered as the service answers it', async () => {
    const headers = { authorization, 'accept-encoding': 'gzip, br' };
    const { status, headers: fields, body } = await site.ask('/me/metadata', { headers });
    expect([status, typeof JSON.parse(body)]).toEqual([200, 'object']);
    expect(fields['content-encoding']).toBeUndefined();
    expect(fields['etag']).toMatch(/^"[\w-]+"$/);
    const again = await site.ask('/me/metadata', {
      headers: { ...headers, 'if-none-match': fields['etag'] },
    });
    expect(again.status).toBe(304);
  });

  test('a write with the tag of a read is applied, and an outdated tag is refused with the document', async () => {
    const read = await site.ask('/me/metadata', { headers: { authorization } });
    const headers = { authorization, ...JSON_TYPE, 'if-match': read.headers['etag'] };
    const ask = { method: 'PATCH', headers, body: '{"step":1}' };
    const write = await site.ask('/me/metadata', ask);
    expect([write.status, JSON.parse(write.body)]).toMatchObject([200, { step: 1 }]);
    const outdated = await site.ask('/me/metadata', { ...ask, body: '{"step":2}' });
    expect([outdated.status, JSON.parse(outdated.body)]).toMatchObject([412, { current: { step: 1 } }]);
  });

  test('a key with a slash, and one of other letters, keep their names', async () => {
    for (const key of ['a%2Fb', '%C3%A9%20%3F']) {
      const path = `/me/metadata/${key}`;
      const headers = { authorization, ...JSON_TYPE };
      expect((await site.ask(path, { method: 'PUT', headers, body: '1' })).status).toBe(200);
    }
    const { body } = await site.ask('/me/metadata', { headers: { authorization } });
    expect(JSON.parse(body)).toMatchObject({ 'a/b': 1, 'é ?': 1 });
  });

  test('a long token fits', async () => {
    const long = await site.authorize('auth0|jane', { 'https://example.com/long': 'x'.repeat(5000) });
    expect(long.length).toBeGreaterThan(7000);
    expect((await site.ask('/me/metadata', { headers: { authorization: long } })).status).toBe(200);
  });

  test('each event of a stream arrives when it happens, long before the stream ends', async () => {
    const stream = await site.openStream('/me/events', { authorization });
    await stream.received(/^id: /m);
    const headers = { authorization, ...JSON_TYPE };
    for (const count of [1, 2]) {
      const write = await site.ask('/me/metadata', { method: 'PATCH', headers, body: `{"count":${count}}` });
      expect(write.status).toBe(200);
      await stream.received(new RegExp(`(?:event: metadata\\.updated[^]*){${count}}`));
    }
    stream.close();
  });

  test('a proof for the public address is accepted, one for the address behind the proxy is not', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(publicKey);
    const bound = await site.authorize('auth0|jane', { cnf: { jkt: await calculateJwkThumbprint(jwk) } });
    const token = bound.replace('Bearer ', '');
    const ask = async (htu: string) => {
      const dpop = await new SignJWT({
        htm: 'GET',
        htu,
        jti: randomUUID(),
        iat: Math.floor(Date.now() / 1000),
        ath: createHash('sha256').update(token).digest('base64url'),
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .sign(privateKey);
      // From an address of its own: a refusal is counted.
      return site.ask('/me/metadata', {
        headers: { authorization: `DPoP ${token}`, dpop },
        from: '127.0.0.9',
      });
    };
    expect((await ask(`${PUBLIC_URL}/me/metadata`)).status).toBe(200);
    expect((await ask(`http://${SITE}/me/metadata`)).status).toBe(401);
  });

  test('another name in the handshake is refused', async () => {
    await expect(
      site.ask('/me/metadata', { headers: { authorization }, name: 'evil.example' }),
    ).rejects.toThrow(/alert|unrecognized|handshake/i);
  });

  test('another host in the request is refused', async () => {
    const headers = { authorization, host: 'evil.example' };
    expect((await site.ask('/me/metadata', { headers })).status).toBe(421);
  });

  test('refused tokens are counted by the address of the caller, whatever the caller says of it', async () => {
    const mallory = [
      await askBadly(site, '127.0.0.2', '192.0.2.1'),
      await askBadly(site, '127.0.0.2', '192.0.2.2'),
      await askBadly(site, '127.0.0.2', '192.0.2.3'),
    ];
    expect(mallory).toEqual([401, 401, 429]);
    expect(await askBadly(site, '127.0.0.3', '127.0.0.2')).toBe(401);
  });

  test('a caller cannot choose the host by a header of the proxy', async () => {
    const headers = { authorization, 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' };
    expect((await site.ask('/me/metadata', { headers })).status).toBe(200);
  });
});

describe.each(PROXIES)('behind $name, without PUBLIC_URL', ({ start }) => {
  let site: Site;
  beforeAll(async () => {
    site = await openSite(start);
  });
  afterAll(() => site.stop());

  test('links name the address that the proxy reports, not what a caller writes', async () => {
    const headers = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'ftp' };
    const answer = await site.ask('/me', { headers });
    expect(answer.headers['www-authenticate']).toContain(`resource_metadata="${PUBLIC_URL}${WELL_KNOWN}"`);
  });
});

describe.each(PROXIES)('behind $name with a path in front', ({ start }) => {
  const path = '/api/profile';
  let site: Site;
  beforeAll(async () => {
    site = await openSite(start, { path, env: { PUBLIC_URL: PUBLIC_URL + path } });
  });
  afterAll(() => site.stop());

  test('the path is kept and understood', async () => {
    const authorization = await site.authorize('auth0|jane');
    const read = await site.ask(`${path}/me/metadata`, { headers: { authorization } });
    const stream = await site.openStream(`${path}/me/events`, { authorization });
    await stream.received(/^id: /m);
    stream.close();
    const description = await site.ask(path + WELL_KNOWN);
    expect([read.status, JSON.parse(description.body)]).toMatchObject([200, { resource: PUBLIC_URL + path }]);
  });
});

describe.each([
  // It does not repeat a PATCH that it has sent, and one may be in the backlog of the socket that is closed.
  { name: 'nginx', start: startNginx, kept: /^(?:read|replace)/, patchesLost: 2 },
  // Versions that distributions have cannot send the body of a write to another replica.
  { name: 'Caddy', start: startCaddy, kept: /^read/, patchesLost: Number.POSITIVE_INFINITY },
])('two replicas behind $name', ({ start, kept, patchesLost }) => {
  let site: Site;
  beforeAll(async () => {
    site = await openSite(start, { replicas: 2, env: { PUBLIC_URL } });
  });
  afterAll(() => site.stop());

  test('are restarted one after another without a request lost, while streams are open', async () => {
    const authorization = await site.authorize('auth0|jane');
    const outcomes: string[] = [];
    const streams = new Set<Stream>();
    const over = new AbortController();

    async function repeat(name: string, ask: () => Promise<{ readonly status: number }>): Promise<void> {
      while (!over.signal.aborted) {
        const { status } = await ask();
        outcomes.push(`${name} ${status}`);
        await delay(5);
      }
    }
    /** An app opens its stream again as soon as it ends. */
    async function follow(): Promise<void> {
      while (!over.signal.aborted) {
        const stream = await site.openStream('/me/events', { authorization });
        streams.add(stream);
        if (over.signal.aborted) stream.close();
        await stream.ended;
        streams.delete(stream);
      }
    }
    const headers = { authorization, ...JSON_TYPE };
    const read = () => site.ask('/me/metadata', { headers: { authorization } });
    const replace = () => site.ask('/me/metadata/count', { method: 'PUT', headers, body: '1' });
    const patch = () => site.ask('/me/metadata', { method: 'PATCH', headers, body: '{"count":1}' });
    const work = [
      ...[1, 2, 3].map(() => repeat('read', read)),
      ...[1, 2, 3].map(() => follow()),
      repeat('replace', replace),
      repeat('patch', patch),
    ];

    for (const index of [0, 1, 0, 1]) await site.restart(index);
    over.abort();
    for (const stream of streams) stream.close();
    await Promise.all(work);
    const lost = outcomes.filter((outcome) => !outcome.endsWith(' 200'));
    expect(lost.filter((outcome) => kept.test(outcome))).toEqual([]);
    expect(lost.filter((outcome) => outcome.startsWith('patch')).length).toBeLessThanOrEqual(patchesLost);
    const succeeded = new Set(outcomes.filter((outcome) => !lost.includes(outcome)));
    expect(succeeded).toEqual(new Set(['read 200', 'replace 200', 'patch 200']));
    expect(outcomes.length).toBeGreaterThan(100);
  });
});
