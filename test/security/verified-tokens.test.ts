/** To remember which tokens were verified makes no token live longer, and none pass for another. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { createVerifiedTokens } from '../../src/identity/authenticate.ts';
import { createManualClock } from '../lib/manual-clock.ts';
import { expectProblem } from '../support/problem.ts';
import { openScene } from '../support/scene.ts';
import { createSigningKey, issuerKey, mintToken } from '../support/tokens.ts';
import { until } from '../support/until.ts';

const { tenant, service, person } = await openScene();
const nextKey = await createSigningKey('key-2');

beforeEach(() => {
  tenant.keys = [issuerKey.jwk];
});

function ask(token: string): Promise<Response> {
  return fetch(`${service.url}/me`, { headers: { authorization: `Bearer ${token}` } });
}

async function subjectSeen(token: string): Promise<unknown> {
  const response = await ask(token);
  expect(response.status).toBe(200);
  const body: { sub: string } = JSON.parse(await response.text());
  return body.sub;
}

/** The token with one character of the part, 0 to 2, exchanged for another. */
function altered(token: string, part: number): string {
  const parts = token.split('.');
  const text = parts[part] ?? '';
  const at = Math.floor(text.length / 2);
  parts[part] = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
  return parts.join('.');
}

test('a token ends when it would have ended without having been verified before', async () => {
  const { user } = await person({});
  // Within the leeway for clocks, of which two seconds are left.
  const token = await mintToken({
    claims: { sub: user.id, exp: Math.floor(Date.now() / 1000) - 3 },
  });
  expect(await subjectSeen(token)).toBe(user.id);
  const refused = await until(async () => {
    const response = await ask(token);
    return response.status === 200 ? undefined : response;
  });
  await expectProblem(refused, 401, 'token_invalid');
});

test('each token stays with its own user, however often and in whichever order they come', async () => {
  const people = await Promise.all(Array.from({ length: 5 }, () => person({})));
  for (let round = 0; round < 3; round += 1) {
    const seen = await Promise.all(people.map(({ token }) => subjectSeen(token)));
    expect(seen).toEqual(people.map(({ user }) => user.id));
  }
});

test.each([0, 1, 2])(
  'a token that differs in part %i from one that was verified is refused',
  async (part) => {
    const jane = await person({});
    expect(await subjectSeen(jane.token)).toBe(jane.user.id);
    await expectProblem(await ask(altered(jane.token, part)), 401, 'token_invalid');
  },
);

test('a token in the query is refused beside one that was verified', async () => {
  const { token, user } = await person({});
  expect(await subjectSeen(token)).toBe(user.id);
  const response = await fetch(`${service.url}/me?access_token=${token}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  await expectProblem(response, 400, 'request_malformed');
});

test('a token ends with the key that verified it', async () => {
  const jane = await person({});
  expect(await subjectSeen(jane.token)).toBe(jane.user.id);
  tenant.keys = [nextKey.jwk];
  const newer = await mintToken({ key: nextKey, claims: { sub: jane.user.id } });
  expect(await subjectSeen(newer)).toBe(jane.user.id);
  await expectProblem(await ask(jane.token), 401, 'token_invalid');
});

describe('what is remembered', () => {
  const keySet = { issuer: 'https://issuer.example/', lists: [] };

  function verifiedUntil(expiresAt: number) {
    return {
      caller: {
        userId: 'auth0|jane',
        clientId: undefined,
        scopes: new Set<string>(),
        actor: undefined,
        login: { authTime: undefined, acr: undefined },
        mappedClaims: {},
        issuer: keySet.issuer,
        keyId: undefined,
        expiresAt,
      },
      keySet,
      proof: undefined,
    };
  }

  test('is forgotten at the end of the token', () => {
    const clock = createManualClock();
    const tokens = createVerifiedTokens({ clock }, { maxTokens: 10 });
    const verified = verifiedUntil(Math.floor(clock.now() / 1000) + 60);
    tokens.set('a.b.c', verified);
    clock.advance(59_000);
    expect(tokens.get('a.b.c')).toBe(verified);
    expect(tokens.get('a.b.d')).toBeUndefined();
    clock.advance(1_000);
    expect(tokens.get('a.b.c')).toBeUndefined();
  });

  test('is bounded', () => {
    const clock = createManualClock();
    const tokens = createVerifiedTokens({ clock }, { maxTokens: 2 });
    const verified = verifiedUntil(Math.floor(clock.now() / 1000) + 60);
    for (const token of ['1', '2', '3']) tokens.set(token, verified);
    expect(['1', '2', '3'].map((token) => tokens.get(token) !== undefined)).toEqual([false, true, true]);
  });
});
