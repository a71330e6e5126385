/** Addresses whose tokens are refused too often. */
import { describe, expect, test } from '@jest/globals';
import { expectProblem } from '../../support/problem.ts';
import { openScene } from '../../support/scene.ts';
import { mintToken } from '../../support/tokens.ts';
import { expectLimited } from './callers.ts';

const FAILURES = 3;
const env = { AUTH_FAILURES_PER_MINUTE: String(FAILURES) };
const behindProxy = await openScene({ env: { ...env, TRUSTED_PROXIES: 'loopback' } });
const direct = await openScene({ env });
const expired = await mintToken({ claims: { exp: 1 } });
const good = await mintToken();

function send(url: string, token: string | undefined, forwardedFor: string): Promise<Response> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return fetch(`${url}/me/metadata`, { headers: { ...authorization, 'x-forwarded-for': forwardedFor } });
}

async function useUp(url: string, address: string): Promise<void> {
  for (let sent = 0; sent < FAILURES; sent += 1) {
    await expectProblem(await send(url, expired, address), 401, 'token_invalid');
  }
}

describe('an address', () => {
  const { service, tenant } = behindProxy;

  test('is refused before anything is verified, a good token included, and no other address is', async () => {
    tenant.user('auth0|user-1', { a: 1 });
    await useUp(service.url, '192.0.2.1');
    await expectLimited(await send(service.url, expired, '192.0.2.1'), 'auth-failures', FAILURES);
    await expectLimited(await send(service.url, good, '192.0.2.1'), 'auth-failures', FAILURES);
    await expectLimited(await send(service.url, undefined, '192.0.2.1'), 'auth-failures', FAILURES);
    expect((await send(service.url, good, '192.0.2.2')).status).toBe(200);
    const metrics = await (await fetch(`${service.opsUrl}/metrics`)).text();
    expect(metrics).toContain('metadata_bff_rate_limited_total{limit="auth-failures"} 3');
  });

  test('may come again when its minute is over', async () => {
    await useUp(service.url, '192.0.2.9');
    service.clock.advance(61);
    expect((await send(service.url, good, '192.0.2.9')).status).toBe(200);
  });

  test('counts as its /64', async () => {
    await useUp(service.url, '2001:db8:1:2::1');
    await expectLimited(await send(service.url, good, '2001:db8:1:2:ffff::9'), 'auth-failures', FAILURES);
    expect((await send(service.url, good, '2001:db8:1:3::1')).status).toBe(200);
  });

  test('is not charged for requests without a token, nor for tokens that only lack something', async () => {
    const machine = await mintToken({ claims: { sub: 'app@clients' } });
    for (let sent = 0; sent <= FAILURES; sent += 1) {
      await expectProblem(await send(service.url, undefined, '192.0.2.3'), 401, 'token_missing');
      await expectProblem(await send(service.url, machine, '192.0.2.3'), 403, 'caller_not_a_user');
    }
    expect((await send(service.url, good, '192.0.2.3')).status).toBe(200);
  });

  test('is charged for proofs', async () => {
    const headers = { authorization: `DPoP ${good}`, dpop: 'no.proof.atall', 'x-forwarded-for': '192.0.2.4' };
    for (let sent = 0; sent < FAILURES; sent += 1) {
      expect((await fetch(`${service.url}/me`, { headers })).status).toBe(401);
    }
    await expectLimited(await send(service.url, good, '192.0.2.4'), 'auth-failures', FAILURES);
  });

  test('is the one of the connection where no proxy is trusted, whatever a caller writes', async () => {
    const { url } = direct.service;
    const claimed = ['192.0.2.10', '192.0.2.11', '192.0.2.12'];
    for (const address of claimed) expect((await send(url, expired, address)).status).toBe(401);
    await expectLimited(await send(url, expired, '192.0.2.99'), 'auth-failures', FAILURES);
  });
});
