/**
 * A tenant in memory, as far as this service can see one: discovery, keys, the token endpoint, and two operations on users
 * with Auth0's first-level merge. It counts its calls, and a test decides any answer of it, also wrong ones, in the same
 * process and without a request. The local tenant, which the tests of programs and packages use, imitates Auth0 as a whole
 * and cannot answer what Auth0 never does. `tenant-on-socket.ts` and `tenant-on-nock.ts` put it within reach.
 */
import { EventEmitter, once } from 'node:events';
import type { JWK } from 'jose';
import {
  type Document,
  merged,
  metadataIn,
  type Route,
  routeOf,
  type TenantRequest,
  tokenAnswer,
  userDocument,
} from './tenant-rules.ts';
import { issuerKey } from './tokens.ts';

export interface TenantAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string goes out as it stands, anything else as JSON. */
  readonly body?: unknown;
  /** What happens on the socket in place of an answer, or in the middle of it. */
  readonly fault?: 'reset' | 'cut' | 'silence' | 'drip';
}

export interface TenantCall extends TenantRequest {
  readonly route: Route;
}

/** A user as stored, and what was asked about them. */
export interface TenantUser {
  readonly id: string;
  /** What the tenant holds now; undefined for a user who never had metadata. Set it for a dashboard edit. */
  stored: Document | undefined;
  reads: number;
  /** The `user_metadata` of every PATCH received, applied or not. */
  readonly patches: Document[];
}

/** Stops the next request of a route until it is let go. */
export interface Gate {
  readonly arrived: Promise<void>;
  readonly open: () => void;
}

export interface Tenant {
  readonly issuer: string;
  /** The keys that the JWKS lists. */
  keys: readonly JWK[];
  readonly calls: readonly TenantCall[];
  readonly user: (id: string, document?: Document) => TenantUser;
  /** Forgets that a user exists. */
  readonly remove: (user: TenantUser) => void;
  /** From now on, or `times` times, a route answers this instead. A change is not applied. */
  readonly answerWith: (
    route: Route,
    answer: TenantAnswer | ((call: TenantCall) => TenantAnswer),
    times?: number,
  ) => void;
  readonly hold: (route: Route) => Gate;
  /** Takes back what answerWith and hold did, and forgets the calls. */
  readonly heal: () => void;
  readonly countOf: (...routes: readonly Route[]) => number;
  readonly handle: (request: TenantRequest) => Promise<TenantAnswer>;
}

interface Override {
  readonly answer: TenantAnswer | ((call: TenantCall) => TenantAnswer);
  timesLeft: number;
}

export const MANAGEMENT: readonly Route[] = ['read', 'change', 'unknown'];

export function createTenant(issuer: string): Tenant {
  const users = new Map<string, TenantUser>();
  const overrides = new Map<Route, Override>();
  const gates = new Map<Route, () => Promise<void>>();
  const calls: TenantCall[] = [];
  let tokensIssued = 0;

  const tenant: Tenant = {
    issuer,
    keys: [issuerKey.jwk],
    calls,
    user(id, document) {
      const user: TenantUser = { id, stored: document, reads: 0, patches: [] };
      users.set(id, user);
      return user;
    },
    remove(user) {
      users.delete(user.id);
    },
    answerWith(route, answer, times = Number.POSITIVE_INFINITY) {
      overrides.set(route, { answer, timesLeft: times });
    },
    hold(route) {
      const arrival = createSignal();
      const opening = createSignal();
      gates.set(route, () => {
        gates.delete(route);
        arrival.raise();
        return opening.raised;
      });
      return { arrived: arrival.raised, open: opening.raise };
    },
    heal() {
      overrides.clear();
      gates.clear();
      calls.length = 0;
    },
    countOf: (...routes) => calls.filter(({ route }) => routes.includes(route)).length,
    async handle(request) {
      const route = routeOf(request);
      const call = { ...request, route };
      calls.push(call);
      count(call);
      await gates.get(route)?.();
      return overriding(call) ?? usual(call);
    },
  };

  function userOf({ target }: TenantRequest): TenantUser | undefined {
    const id = /^\/api\/v2\/users\/([^/?]+)/.exec(target)?.[1] ?? '';
    return users.get(decodeURIComponent(id));
  }

  function count(call: TenantCall): void {
    const user = userOf(call);
    if (user && call.route === 'read') user.reads += 1;
    if (user && call.route === 'change') user.patches.push(metadataIn(call));
  }

  function overriding(call: TenantCall): TenantAnswer | undefined {
    const override = overrides.get(call.route);
    if (!override || override.timesLeft === 0) return undefined;
    override.timesLeft -= 1;
    return typeof override.answer === 'function' ? override.answer(call) : override.answer;
  }

  function usual(call: TenantCall): TenantAnswer {
    switch (call.route) {
      case 'discovery':
        return { status: 200, body: { issuer, jwks_uri: `${issuer}.well-known/jwks.json` } };
      case 'jwks':
        return { status: 200, body: { keys: tenant.keys } };
      case 'token':
        tokensIssued += 1;
        return { status: 200, body: tokenAnswer(tokensIssued) };
      case 'read':
      case 'change':
        return userAnswer(call);
      case 'unknown':
        return { status: 404, body: { statusCode: 404, error: 'Not Found', message: 'Not Found' } };
    }
  }

  function userAnswer(call: TenantCall): TenantAnswer {
    const user = userOf(call);
    if (!user)
      return { status: 404, body: { statusCode: 404, error: 'Not Found', errorCode: 'inexistent_user' } };
    if (call.route === 'change') user.stored = merged(user.stored ?? {}, metadataIn(call));
    return { status: 200, body: userDocument(user.id, user.stored) };
  }
  return tenant;
}

function createSignal(): { readonly raised: Promise<void>; readonly raise: () => void } {
  const emitter = new EventEmitter();
  const raised = once(emitter, 'raised').then(() => undefined);
  return { raised, raise: () => void emitter.emit('raised') };
}
