/** The drop-in with callers of every kind, and its errors in Auth0's shape. */
import { expect } from '@jest/globals';
import { STATUS_CODES } from 'node:http';
import { parseObject } from '../../support/json.ts';
import { expectNothingLeaked } from '../../support/problem.ts';
import { openScene, type Scene } from '../../support/scene.ts';
import type { ServiceOptions } from '../../support/service.ts';
import type { TenantUser } from '../../support/tenant.ts';
import type { Document } from '../../support/tenant-rules.ts';
import { mintToken } from '../../support/tokens.ts';

export const APP = 'https://app.example.com';
export const SCOPES = 'read:current_user update:current_user_metadata read:app_metadata';

export interface CompatAsk {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it stands. */
  readonly body?: string;
}

export interface CompatUser {
  readonly user: TenantUser;
  readonly token: string;
  /** A request for the user themself, `query` included, or for `path` below `/api/v2/users/`. */
  readonly ask: (method: string, query?: string, ask?: CompatAsk, path?: string) => Promise<Response>;
}

export interface CompatScene extends Scene {
  readonly user: (document?: Document, claims?: Readonly<Record<string, unknown>>) => Promise<CompatUser>;
}

let users = 0;

export async function openCompat(options: ServiceOptions = {}): Promise<CompatScene> {
  const env = { AUTH0_COMPAT: 'true', CORS_ORIGINS: APP, ...options.env };
  const scene = await openScene({ ...options, env });
  return {
    ...scene,
    async user(document, { sub, ...claims } = {}) {
      users += 1;
      const id = typeof sub === 'string' ? sub : `auth0|compat-${users}`;
      const user = scene.tenant.user(id, document);
      const token = await mintToken({ claims: { sub: id, scope: SCOPES, ...claims } });
      return {
        user,
        token,
        ask(method, query = '', { headers = {}, json, body } = {}, path = encodeURIComponent(id)) {
          const content = json === undefined ? body : JSON.stringify(json);
          return fetch(`${scene.service.url}/api/v2/users/${path}${query}`, {
            method,
            headers: {
              authorization: `Bearer ${token}`,
              ...(content === undefined ? {} : { 'content-type': 'application/json' }),
              ...headers,
            },
            ...(content === undefined ? {} : { body: content }),
          });
        },
      };
    },
  };
}

/** The status and `errorCode` of a refusal, which must be in Auth0's shape and keep our secrets; and its message. */
export async function refusalOf(response: Response): Promise<readonly [number, unknown, unknown]> {
  const text = await response.text();
  const body = parseObject(text);
  expect(body).toEqual({
    statusCode: response.status,
    error: STATUS_CODES[response.status],
    message: expect.stringMatching(/\S/),
    errorCode: expect.stringMatching(/^[a-z_]+$/),
  });
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expectNothingLeaked(response, text);
  return [response.status, body['errorCode'], body['message']];
}
