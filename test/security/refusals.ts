/** What every refused token has in common, whatever is wrong with it. */
import { expect } from '@jest/globals';
import { expectProblem } from '../support/problem.ts';
import type { Scene } from '../support/scene.ts';
import { JWT_PART, LEAK } from '../support/sentinels.ts';

interface Refusals {
  /** Asserts that the field gets its sender to the tenant: the control for every refusal. */
  readonly expectAccepted: (authorization: string) => Promise<void>;
  /** Asserts a 401 `token_invalid` with its challenge, and a log that repeats nothing of the token. */
  readonly expectRefused: (authorization: string) => Promise<void>;
  /** The same for any status and code; answers the challenge. */
  readonly expectRefusedAs: (
    status: number,
    code: string,
    headers: Readonly<Record<string, string>>,
    path?: string,
  ) => Promise<string | null>;
}

export function createRefusals({ service, tenant }: Scene): Refusals {
  async function expectRefusedAs(
    status: number,
    code: string,
    headers: Readonly<Record<string, string>>,
    path = '/me/metadata',
  ): Promise<string | null> {
    const linesBefore = service.logLines.length;
    const response = await fetch(`${service.url}${path}`, { headers });
    const challenge = response.headers.get('www-authenticate');
    const [line] = await service.linesOf(response.headers.get('x-request-id') ?? '');
    await expectProblem(response, status, code);
    expect(line).toMatchObject({ status, code });
    const logged = service.logLines.slice(linesBefore).join('');
    expect(logged).not.toMatch(JWT_PART);
    expect(logged).not.toMatch(LEAK);
    return challenge;
  }

  return {
    expectRefusedAs,
    async expectRefused(authorization) {
      const challenge = await expectRefusedAs(401, 'token_invalid', { authorization });
      expect(challenge).toMatch(
        /^Bearer realm="metadata-bff", error="invalid_token", error_description="[\w ;]+\."/,
      );
    },
    async expectAccepted(authorization) {
      tenant.user('auth0|user-1', { reached: true });
      const headers = { authorization, 'cache-control': 'no-cache' };
      const response = await fetch(`${service.url}/me/metadata`, { headers });
      expect([response.status, await response.json()]).toEqual([200, { reached: true }]);
    },
  };
}
