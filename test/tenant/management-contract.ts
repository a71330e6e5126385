/**
 * What the Management API does to a user's metadata, as Auth0's documentation and recordings have it. One suite for
 * every implementation: the local tenant, and a real tenant that keeps the local one honest. Leaves the user's metadata
 * as it found it.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

/** A Management API to hold against the contract. */
export interface ManagementTarget {
  /** Without a slash at the end; `/api/v2` follows. */
  readonly baseUrl: string;
  /** A user whose metadata may be changed during the run. */
  readonly userId: string;
  /** A token with `read:users update:users`. */
  getToken(): Promise<string>;
  /** What can be arranged here and not on every tenant; tests that need what is missing are left out. */
  readonly capabilities: {
    /** A token for the Management API with other claims. */
    readonly mintToken?: (order: { sub?: string; scope: string; expiresIn?: number }) => Promise<string>;
    /** The id of a new user who never had metadata. */
    readonly createUser?: () => Promise<string>;
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

type Register = (name: string, body: () => Promise<void>) => void;

const leaveOut: Register = () => undefined;

/** Registers the suite. `open` is called once, before the first test. */
export function describeManagementContract(
  name: string,
  available: { mintToken: boolean; createUser: boolean },
  open: () => Promise<ManagementTarget>,
): void {
  describe(`Management API contract: ${name}`, () => {
    let target: ManagementTarget;
    let token: string;
    let original: Record<string, unknown>;
    // A real tenant hands out neither: there, what needs them is no part of the suite.
    const whenMinting: Register = available.mintToken ? test : leaveOut;
    const whenCreating: Register = available.createUser ? test : leaveOut;

    beforeAll(async () => {
      target = await open();
      token = await target.getToken();
      original = (await get('?fields=user_metadata,app_metadata')).body;
    });
    beforeEach(() => patch({ user_metadata: {}, app_metadata: {} }));
    afterAll(async () => {
      await patch({ user_metadata: {}, app_metadata: {} });
      await patch({
        user_metadata: original['user_metadata'] ?? {},
        app_metadata: original['app_metadata'] ?? {},
      });
    });

    async function send(path: string, init: RequestInit, bearer: string | undefined): Promise<Answer> {
      const headers = new Headers(init.headers);
      if (bearer !== undefined) headers.set('authorization', `Bearer ${bearer}`);
      const response = await fetch(`${target.baseUrl}/api/v2${path}`, { ...init, headers });
      if (response.status === 429) {
        // Small plans allow two requests a second; the contract is not about that.
        const resetMs = Number(response.headers.get('x-ratelimit-reset')) * 1000;
        await new Promise((resolve) => setTimeout(resolve, Math.max(500, resetMs - Date.now())));
        return send(path, init, bearer);
      }
      return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
    }

    function get(query = '', bearer: string | undefined = token, id = target.userId): Promise<Answer> {
      return send(`/users/${encodeURIComponent(id)}${query}`, {}, bearer);
    }

    function patch(body: unknown, bearer: string | undefined = token, id = target.userId): Promise<Answer> {
      const headers = { 'content-type': 'application/json' };
      const payload = typeof body === 'string' ? body : JSON.stringify(body);
      return send(`/users/${encodeURIComponent(id)}`, { method: 'PATCH', headers, body: payload }, bearer);
    }

    describe('reading', () => {
      test('gives the whole user with its identities and no ETag', async () => {
        const { status, headers, body } = await get();
        expect(status).toBe(200);
        expect(body).toMatchObject({ user_id: target.userId, identities: expect.any(Array) });
        expect(headers.get('etag')).toBeNull();
        expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
        expect(headers.get('x-content-type-options')).toBe('nosniff');
      });

      test('announces the rate limit on every answer', async () => {
        const { headers } = await get();
        expect(Number(headers.get('x-ratelimit-limit'))).toBeGreaterThan(0);
        expect(Number(headers.get('x-ratelimit-remaining'))).toBeGreaterThanOrEqual(0);
        expect(Number(headers.get('x-ratelimit-reset'))).toBeGreaterThan(1_600_000_000);
      });

      test('takes the user id raw as well as encoded', async () => {
        const raw = await send(`/users/${target.userId}?fields=user_id`, {}, token);
        expect(raw.body).toEqual({ user_id: target.userId });
      });

      test('includes exactly the fields asked for', async () => {
        const { body } = await get('?fields=email,user_id&include_fields=true');
        expect(Object.keys(body).toSorted()).toEqual(['email', 'user_id']);
      });

      test('leaves out exactly the fields named when include_fields is false', async () => {
        const all = (await get()).body;
        const { body } = await get('?fields=email,user_id&include_fields=false');
        const expected = Object.keys(all).filter((key) => key !== 'email' && key !== 'user_id');
        expect(Object.keys(body).toSorted()).toEqual(expected.toSorted());
      });

      test('refuses a user who does not exist', async () => {
        const { status, body } = await get('', token, 'auth0|unknown-id');
        expect([status, body]).toEqual([
          404,
          {
            statusCode: 404,
            error: 'Not Found',
            message: 'The user does not exist.',
            errorCode: 'inexistent_user',
          },
        ]);
      });
    });

    describe('changing metadata', () => {
      test('merges keys at the first level and replaces what is below', async () => {
        await patch({ user_metadata: { a: { x: 1, y: 2 }, b: [1, 2], c: 'kept' } });
        const { status, body } = await patch({ user_metadata: { a: { z: 3 }, b: [] } });
        expect(status).toBe(200);
        expect(body['user_metadata']).toEqual({ a: { z: 3 }, b: [], c: 'kept' });
      });

      test('removes a key set to null', async () => {
        await patch({ user_metadata: { foo: 'bar', baz: 'qux' }, app_metadata: { foo: 'bar', baz: 'qux' } });
        const { body } = await patch({
          user_metadata: { baz: null, foo: 'bars' },
          app_metadata: { baz: null, foo: 'bars' },
        });
        expect(body).toMatchObject({ user_metadata: { foo: 'bars' }, app_metadata: { foo: 'bars' } });
        expect(body['user_metadata']).not.toHaveProperty('baz');
      });

      test('wipes everything when given an empty object: {} stays for the user, app_metadata disappears', async () => {
        await patch({ user_metadata: { foo: 'bar' }, app_metadata: { foo: 'bar' } });
        const wiped = await patch({ user_metadata: {}, app_metadata: {} });
        const reread = await get();
        for (const { body } of [wiped, reread]) {
          expect(body['user_metadata']).toEqual({});
          expect(body).not.toHaveProperty('app_metadata');
        }
      });

      test('leaves the metadata alone that was not mentioned', async () => {
        await patch({ user_metadata: { a: 1 }, app_metadata: { b: 2 } });
        const { body } = await patch({ user_metadata: { c: 3 } });
        expect(body).toMatchObject({ user_metadata: { a: 1, c: 3 }, app_metadata: { b: 2 } });
      });

      test('answers with the whole user and a later updated_at, and reads see the write at once', async () => {
        const before = String((await get('?fields=updated_at')).body['updated_at']);
        const { body } = await patch({ user_metadata: { n: 1 } });
        const again = await patch({ user_metadata: { n: 1 } });
        expect(body).toMatchObject({ user_id: target.userId, identities: expect.any(Array) });
        expect(String(body['updated_at']) > before).toBe(true);
        expect(String(again.body['updated_at']) > String(body['updated_at'])).toBe(true);
        expect(String(body['updated_at'])).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        expect((await get('?fields=user_metadata')).body).toEqual({ user_metadata: { n: 1 } });
      });
    });

    describe('refusing', () => {
      test('a request without a token', async () => {
        const response = await fetch(`${target.baseUrl}/api/v2/users/${encodeURIComponent(target.userId)}`);
        expect(response.status).toBe(401);
        expect(response.headers.get('www-authenticate')).toBe('Bearer');
        expect(JSON.parse(await response.text())).toEqual({
          statusCode: 401,
          error: 'Unauthorized',
          message: 'Missing authentication',
        });
      });

      test('a token that is no JWT', async () => {
        expect((await get('', 'opaque')).body).toEqual({
          statusCode: 400,
          error: 'Bad Request',
          message: 'Bad HTTP authentication header format',
          errorCode: 'Bearer',
        });
      });

      test('properties that cannot be changed', async () => {
        const { status, body } = await patch({ user_metadata: { a: 1 }, logins_count: 3, last_login: 'x' });
        expect([status, body['error'], body['errorCode']]).toEqual([400, 'Bad Request', 'invalid_body']);
        expect(body['message']).toContain(
          "Payload validation error: 'Additional properties not allowed: logins_count,last_login",
        );
      });

      test('a body with nothing to change', async () => {
        const { status, body } = await patch({});
        expect([status, body['errorCode']]).toEqual([400, 'invalid_body']);
        expect(body['message']).toContain(
          "Payload validation error: 'None of the valid schemas were met'. Inner errors: [ Payload validation error: 'Missing required property: blocked'.",
        );
      });

      test('metadata that is not an object', async () => {
        const answers = [await patch({ user_metadata: 'text' }), await patch({ user_metadata: [1] })];
        expect(answers.map(({ status, body }) => [status, body['errorCode']])).toEqual([
          [400, 'invalid_body'],
          [400, 'invalid_body'],
        ]);
      });

      whenMinting('a token without a fitting scope', async () => {
        const weak = await target.capabilities.mintToken?.({ scope: 'read:clients' });
        const { status, body } = await patch({ user_metadata: { a: 1 } }, weak);
        expect([status, body]).toEqual([
          403,
          {
            statusCode: 403,
            error: 'Forbidden',
            message:
              'Insufficient scope, expected any of: update:users,update:users_app_metadata,update:current_user_metadata',
            errorCode: 'insufficient_scope',
          },
        ]);
        expect((await get('', weak)).status).toBe(403);
      });

      whenMinting('a token that has expired', async () => {
        const old = await target.capabilities.mintToken?.({ scope: 'read:users', expiresIn: -10 });
        expect((await get('', old)).status).toBe(401);
      });
    });

    describe('the scopes of the current user', () => {
      whenMinting('allow reading and changing one’s own user_metadata', async () => {
        const scope = 'read:current_user update:current_user_metadata';
        const own = await target.capabilities.mintToken?.({ sub: target.userId, scope });
        const { status, body } = await patch({ user_metadata: { own: true } }, own);
        expect([status, body['user_metadata']]).toEqual([200, { own: true }]);
        expect((await get('', own)).status).toBe(200);
      });

      whenMinting('allow nothing of another user', async () => {
        const scope = 'read:current_user create:current_user_metadata';
        const other = await target.capabilities.mintToken?.({ sub: 'auth0|someone-else', scope });
        const answers = [await get('', other), await patch({ user_metadata: { a: 1 } }, other)];
        for (const { status, body } of answers) {
          expect([status, body['message']]).toEqual([
            403,
            'User to be acted on does not match subject in bearer token.',
          ]);
        }
      });

      whenMinting('allow no other attribute', async () => {
        const own = await target.capabilities.mintToken?.({
          sub: target.userId,
          scope: 'update:current_user_metadata',
        });
        const { status, body } = await patch({ user_metadata: { a: 1 }, email: 'x@example.com' }, own);
        expect([status, body['message']]).toEqual([403, 'You cannot update the following fields: email']);
        expect((await patch({ app_metadata: { a: 1 } }, own)).status).toBe(403);
      });
    });

    whenCreating('a user who never had metadata shows neither kind', async () => {
      const id = (await target.capabilities.createUser?.()) ?? '';
      const { body } = await get('', token, id);
      expect(Object.keys(body).filter((key) => key.endsWith('_metadata'))).toEqual([]);
      expect((await get('?fields=user_metadata', token, id)).body).toEqual({});
    });
  });
}
