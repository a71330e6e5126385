import { describe, expect, test } from '@jest/globals';
import { createTokenProvider } from '../../src/auth0/token-provider.ts';
import { HttpFailure, type HttpResponse } from '../../src/lib/http-client.ts';
import { createDeferred } from '../lib/deferred.ts';
import { createFakeHttp, json } from '../lib/fake-http.ts';
import { createManualClock } from '../lib/manual-clock.ts';
import { appErrorOf } from '../lib/rejection.ts';

function createWorld() {
  const http = createFakeHttp();
  const clock = createManualClock();
  const tokens = createTokenProvider(
    { http, clock, authentication: async () => ({ client_secret: 's+&=é' }) },
    { tokenUrl: 'https://t.test/oauth/token', clientId: 'c', audience: 'https://t.test/api/v2/' },
  );
  return { http, clock, tokens };
}

const granted = (value: string, expiresIn = 86_400) =>
  json(200, {
    access_token: value,
    expires_in: expiresIn,
    token_type: 'Bearer',
    scope: 'read:users  update:users',
  });

describe('asking for a token', () => {
  test('sends the client credentials as a form, each value encoded', async () => {
    const { http, tokens } = createWorld();
    http.next(granted('t1'));
    expect(await tokens.getToken()).toEqual({ value: 't1', scopes: ['read:users', 'update:users'] });
    const [{ method, url, headers, body } = { method: '', url: '' }] = http.sent;
    expect([method, url]).toEqual(['POST', 'https://t.test/oauth/token']);
    expect(headers).toEqual({ 'content-type': 'application/x-www-form-urlencoded' });
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'c',
      audience: 'https://t.test/api/v2/',
      client_secret: 's+&=é',
    });
  });

  test('is one request for all who ask meanwhile', async () => {
    const { http, tokens } = createWorld();
    const answer = createDeferred<HttpResponse>();
    http.next(answer.promise);
    const waiting = Array.from({ length: 100 }, () => tokens.getToken());
    answer.resolve(granted('t1'));
    expect(new Set((await Promise.all(waiting)).map(({ value }) => value))).toEqual(new Set(['t1']));
    expect(http.sent).toHaveLength(1);
  });

  test('accepts an answer without scopes and a token type in any case', async () => {
    const { http, tokens } = createWorld();
    http.next(json(200, { access_token: 't1', expires_in: 60, token_type: 'bearer' }));
    expect(await tokens.getToken()).toEqual({ value: 't1', scopes: undefined });
  });
});

describe('a token that is held', () => {
  test('is used until a minute before its end, and then replaced', async () => {
    const { http, clock, tokens } = createWorld();
    http.next(granted('t1', 3_600), granted('t2', 3_600));
    await tokens.getToken();
    clock.advance(3_540_000 - 1);
    expect((await tokens.getToken()).value).toBe('t1');
    clock.advance(1);
    expect((await tokens.getToken()).value).toBe('t2');
    expect(http.sent).toHaveLength(2);
  });

  test('that is short-lived is used for half of its life', async () => {
    const { http, clock, tokens } = createWorld();
    http.next(granted('t1', 60), granted('t2', 60));
    await tokens.getToken();
    clock.advance(29_999);
    expect((await tokens.getToken()).value).toBe('t1');
    clock.advance(1);
    expect((await tokens.getToken()).value).toBe('t2');
  });

  test('counts its life from before the request was sent', async () => {
    const { http, clock, tokens } = createWorld();
    const answer = createDeferred<HttpResponse>();
    http.next(answer.promise, granted('t2'));
    const first = tokens.getToken();
    clock.advance(30_000);
    answer.resolve(granted('t1', 60));
    await first;
    expect((await tokens.getToken()).value).toBe('t2');
  });

  test('is replaced once it was rejected', async () => {
    const { http, tokens } = createWorld();
    http.next(granted('t1'), granted('t2'));
    tokens.invalidate(await tokens.getToken());
    expect((await tokens.getToken()).value).toBe('t2');
  });

  test('survives the rejection of one that it has replaced', async () => {
    const { http, tokens } = createWorld();
    http.next(granted('t1'), granted('t2'), granted('t3'));
    const old = await tokens.getToken();
    tokens.invalidate(old);
    await tokens.getToken();
    tokens.invalidate(old);
    expect((await tokens.getToken()).value).toBe('t2');
    expect(http.sent).toHaveLength(2);
  });
});

describe('a failure', () => {
  test.each([
    [json(401, { error: 'access_denied', error_description: 'secret text' }), 'upstream_refused'],
    [json(403, {}), 'upstream_refused'],
    [json(429, {}, { 'retry-after': '7' }), 'upstream_rate_limited'],
    [json(500, {}), 'upstream_unavailable'],
    [json(200, { access_token: '', expires_in: 1, token_type: 'Bearer' }), 'upstream_malformed'],
    [json(200, { access_token: 't', expires_in: 0, token_type: 'Bearer' }), 'upstream_malformed'],
    [json(200, { access_token: 't', expires_in: 1, token_type: 'DPoP' }), 'upstream_malformed'],
    [{ status: 200, headers: new Map<string, string>(), text: '<html>' }, 'upstream_malformed'],
    [new HttpFailure('timeout', 'X'), 'upstream_timeout'],
    [new HttpFailure('unreachable', 'X'), 'upstream_unavailable'],
  ])('is told by its code and nothing else (%#)', async (reply, code) => {
    const { http, tokens } = createWorld();
    http.next(reply);
    const error = await appErrorOf(tokens.getToken());
    expect(error.code).toBe(code);
    expect(JSON.stringify([error.message, error.extras])).not.toMatch(/secret text|access_denied/);
  });

  test('is told to all who waited, and the next caller asks again', async () => {
    const { http, tokens } = createWorld();
    http.next(new HttpFailure('reset', 'ECONNRESET'), granted('t1'));
    const failed = await Promise.all([appErrorOf(tokens.getToken()), appErrorOf(tokens.getToken())]);
    expect(failed[0]).toBe(failed[1]);
    expect((await tokens.getToken()).value).toBe('t1');
  });

  test('of a renewal leaves the service unhealthy until one succeeds', async () => {
    const { http, clock, tokens } = createWorld();
    expect(tokens.isHealthy()).toBe(false);
    http.next(granted('t1', 120), json(500, {}), granted('t2'));
    await tokens.getToken();
    expect(tokens.isHealthy()).toBe(true);
    clock.advance(60_000);
    await tokens.getToken();
    expect(tokens.isHealthy()).toBe(false);
    clock.advance(2_000);
    await tokens.getToken();
    expect(tokens.isHealthy()).toBe(true);
  });

  test('is not what a renewal under way is: the service stays healthy meanwhile', async () => {
    const { http, clock, tokens } = createWorld();
    const answer = createDeferred<HttpResponse>();
    http.next(granted('t1', 120), answer.promise);
    await tokens.getToken();
    clock.advance(60_000);
    const renewal = tokens.getToken();
    expect(tokens.isHealthy()).toBe(true);
    answer.resolve(granted('t2'));
    await renewal;
  });

  test('to renew does not end the use of a token that is still valid', async () => {
    const { http, clock, tokens } = createWorld();
    http.next(granted('t1', 3_600), json(500, {}));
    await tokens.getToken();
    clock.advance(3_550_000);
    expect((await tokens.getToken()).value).toBe('t1');
  });
});
