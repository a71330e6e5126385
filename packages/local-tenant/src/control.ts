/**
 * The control endpoints under `/_local`, for tests and demonstrations. They need no authentication, because the tenant
 * listens on loopback only and stores only invented data.
 */
import express, { type ErrorRequestHandler, type Request, Router } from 'express';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import {
  createAccessTokenClaims,
  createAccessTokenHeader,
  parseAlgorithm,
  signJws,
} from './access-tokens.ts';
import type { Addresses } from './addresses.ts';
import type { Apis } from './apis.ts';
import type { CallLog } from './call-log.ts';
import type { ClientStore } from './client-store.ts';
import { ControlError, parseControlRequest, sendControlError } from './control-errors.ts';
import { faultRoute, faultSchema } from './fault-schema.ts';
import type { Faults } from './faults.ts';
import { isJsonObject, jsonObject, jsonValue } from './json.ts';
import type { SigningKeys } from './signing-keys.ts';
import { type TokenOptions, tokenOptionsSchema } from './tenant-options.ts';
import type { UserStore } from './user-store.ts';

// `POST /_local/token`: any access token for a test, valid or not. The rest is what the tenant would issue.

export interface TokenDependencies {
  readonly keys: SigningKeys;
  readonly apis: Apis;
  readonly addresses: Addresses;
  /** The audience of a token that names none. */
  readonly apiAudience: string;
}

/** A token with these claims and headers. Throws a `ControlError` for an unknown signature algorithm. */
export function createToken(
  tokenOptions: TokenOptions,
  { keys, apis, addresses, apiAudience }: TokenDependencies,
  now: number,
): string {
  const key = keys.current();
  const audience = tokenOptions.audience ?? apiAudience;
  const lifetimeSeconds = tokenOptions.expires_in ?? apis.find(String([audience].flat()[0]))?.token_lifetime;
  const claims = createAccessTokenClaims(
    addresses,
    {
      sub: tokenOptions.sub,
      audience,
      clientId: tokenOptions.client_id ?? 'local-spa',
      ...(tokenOptions.scope === undefined ? {} : { scope: tokenOptions.scope }),
      ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }),
    },
    now,
  );
  const header = override(createAccessTokenHeader(key), tokenOptions.header ?? {});
  const { alg = 'RS256' } = header;
  const algorithm = typeof alg === 'string' ? parseAlgorithm(alg) : undefined;
  if (algorithm === undefined) {
    throw new ControlError(400, 'invalid_request', 'header.alg: not an algorithm this tenant can sign with');
  }
  return signJws(header, override(claims, tokenOptions.claims ?? {}), algorithm, key);
}

// null removes a member, so a claim cannot be null.
function override(
  base: Readonly<Record<string, unknown>>,
  changes: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries({ ...base, ...changes }).filter(([, value]) => value !== null));
}

// `/_local/users/{id}`: reads, edits and deletes a user, as an administrator in the dashboard. Edits are published like
// all changes.

// A dashboard stores objects only, but a mapping of attributes stores any value of an identity provider.
const metadata = jsonValue.optional();
const userSchema = z.custom<Record<string, unknown>>(isJsonObject, 'must be a JSON object').pipe(
  z.looseObject({
    user_id: z.string().optional(),
    password: z.string().optional(),
    created_at: z.iso.datetime().optional(),
    updated_at: z.iso.datetime().optional(),
    user_metadata: metadata,
    app_metadata: metadata,
  }),
);

/** Adds the user routes to the control router. */
function addUserRoutes(router: Router, users: UserStore): void {
  router.get('/users/:id', (request, response) => {
    const user = users.find(readUserId(request));
    if (!user) throw createUserNotFoundError();
    response.json(user);
  });

  router.put('/users/:id', (request, response) => {
    const id = readUserId(request);
    const edit = parseControlRequest(userSchema, request.body);
    if (edit.user_id !== undefined && edit.user_id !== id) {
      throw new ControlError(400, 'invalid_request', 'user_id: differs from the id in the path');
    }
    const { password, user_id: _, ...attributes } = edit;
    response.json(
      users.write(id, {
        attributes: parseControlRequest(jsonObject, attributes),
        ...(password === undefined ? {} : { password }),
      }),
    );
  });

  router.delete('/users/:id', (request, response) => {
    if (!users.remove(readUserId(request))) throw createUserNotFoundError();
    response.status(204).end();
  });
}

function readUserId(request: Request): string {
  const id = String(request.params['id'] ?? '');
  if (!/^[^|]+\|.+$/s.test(id)) {
    throw new ControlError(400, 'invalid_request', 'id: must look like provider|identifier');
  }
  return id;
}

function createUserNotFoundError(): ControlError {
  return new ControlError(404, 'not_found', 'There is no such user');
}

interface Dependencies extends TokenDependencies {
  readonly users: UserStore;
  readonly clients: ClientStore;
  readonly faults: Faults;
  readonly calls: CallLog;
  readonly now: () => number;
  /** Puts the tenant back to its seed. */
  readonly reset: () => void;
}

const rotationSchema = z.strictObject({ retire: z.boolean().optional() });
const clientKeySchema = z.strictObject({ public_key: z.union([z.string(), jsonObject]) });
const faultQuerySchema = z.strictObject({ route: faultRoute.optional() });

/** Routes below `/_local`, with their own error handling. */
export function createControl(deps: Dependencies): Router {
  const { clients, keys, faults, calls } = deps;
  const router = Router();
  router.use(express.json({ limit: '2mb', strict: false, type: () => true }));

  router.post('/token', (request, response) => {
    const tokenOptions = parseControlRequest(tokenOptionsSchema, request.body);
    response.json({ access_token: createToken(tokenOptions, deps, deps.now()) });
  });

  addUserRoutes(router, deps.users);

  router.get('/calls', (_request, response) => {
    response.json(calls.list());
  });
  router.delete('/calls', (_request, response) => {
    calls.clear();
    response.status(204).end();
  });

  router.get('/faults', (_request, response) => {
    response.json(faults.listFaults());
  });
  router.put('/faults', (request, response) => {
    const fault = parseControlRequest(faultSchema, request.body);
    faults.setFault(fault);
    response.json(fault);
  });
  router.delete('/faults', (request, response) => {
    faults.removeFaults(parseControlRequest(faultQuerySchema, request.query).route);
    response.status(204).end();
  });

  router.post('/keys/rotate', async (request, response) => {
    const { retire = false } = parseControlRequest(rotationSchema, request.body);
    const { kid } = await keys.rotate({ retire });
    response.json({ kid });
  });

  router.post('/clients/:id/keys', (request, response) => {
    const { id } = request.params;
    if (!clients.find(id)) throw new ControlError(404, 'not_found', 'There is no such client');
    clients.addKey(id, readPublicKey(parseControlRequest(clientKeySchema, request.body).public_key));
    response.status(201).json({ client_id: id, keys: clients.getKeys(id).length });
  });

  router.post('/reset', (_request, response) => {
    deps.reset();
    response.status(204).end();
  });

  router.use((_request, _response, next) => {
    next(new ControlError(404, 'not_found', 'There is no such control endpoint'));
  });
  router.use(handleControlError);
  return router;
}

const handleControlError: ErrorRequestHandler = (thrown, _request, response, _next) => {
  sendControlError(response, thrown);
};

function readPublicKey(given: string | Readonly<Record<string, unknown>>): KeyObject {
  try {
    return typeof given === 'string'
      ? createPublicKey(given)
      : createPublicKey({ key: { ...given }, format: 'jwk' });
  } catch {
    throw new ControlError(400, 'invalid_request', 'public_key: neither a PEM (SPKI) nor a JWK public key');
  }
}
