/** The same user through several applications, of which the policy narrows some. */
import type { Ask, Person, Scene } from '../../support/scene.ts';
import { mintToken } from '../../support/tokens.ts';

/** `narrow` sees two keys and changes one of them; `typist` sees all and changes one; anything else is free. */
export const CLIENTS = {
  narrow: { readable: ['a', 'b'], writable: ['a'] },
  reader: { readable: ['a', 'b'] },
  typist: { writable: ['a'] },
};

const OPEN = 'read:metadata update:metadata';

/** The same by scopes: what each application may see and change is opened by the scopes of its token. */
const SCOPED_KEYS = {
  'use:a': { readable: ['a', 'b'], writable: ['a'] },
  'use:b': { readable: ['b'], writable: ['b'] },
  'type:a': { writable: ['a'] },
};
const SCOPES: Readonly<Record<string, string>> = {
  narrow: 'use:a',
  reader: 'openid use:a use:b',
  typist: 'read:metadata type:a',
};

/** The two ways to narrow a caller. */
export const NARROWINGS: ReadonlyArray<{
  readonly by: string;
  readonly policy: unknown;
  readonly claims: (name: string) => Readonly<Record<string, unknown>>;
}> = [
  { by: 'the policy for its application', policy: { clients: CLIENTS }, claims: (azp) => ({ azp }) },
  {
    by: 'the scopes of its token',
    policy: { scopedKeys: SCOPED_KEYS },
    claims: (name) => ({ scope: SCOPES[name] ?? OPEN }),
  },
];

export type Through = (method: string, path?: string, ask?: Ask) => Promise<Response>;

/** Requests of `who` through the application; `claims` beside `azp` may differ as well. */
export async function through(
  who: Person,
  application: string,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<Through> {
  const token = await mintToken({ claims: { sub: who.user.id, azp: application, ...claims } });
  return (method, path = '', { headers = {}, ...ask } = {}) =>
    who.ask(method, path, { ...ask, headers: { ...headers, authorization: `Bearer ${token}` } });
}

/** A new user with this document, seen through the application. */
export async function userThrough(
  { person }: Scene,
  application: string,
  document: Readonly<Record<string, unknown>>,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly who: Person; readonly ask: Through }> {
  const who = await person(document);
  return { who, ask: await through(who, application, claims) };
}

/** An answer without what differs from request to request. */
export async function comparable(response: Response): Promise<unknown> {
  const headers = Object.fromEntries(response.headers);
  const id = headers['x-request-id'] ?? '';
  const { date: _date, 'x-request-id': _id, ratelimit: _left, ...rest } = headers;
  return { status: response.status, headers: rest, body: (await response.text()).replaceAll(id, 'ID') };
}
