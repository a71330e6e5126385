/**
 * The control endpoints under `/_local`: what tests and demonstrations need and no real tenant offers. Unauthenticated,
 * because the tenant listens on loopback only and holds nothing but invented data.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import express, { type ErrorRequestHandler, Router } from 'express';
import { z } from 'zod';
import type { Addresses } from './addresses.ts';
import type { CallLog } from './call-log.ts';
import type { ClientStore } from './client-store.ts';
import { ControlError, parseControl, sendControlError } from './control-errors.ts';
import { mintToken, tokenOrder } from './control-token.ts';
import { addUserRoutes } from './control-users.ts';
import { faultRoute, faultSchema } from './fault-order.ts';
import type { Faults } from './faults.ts';
import { jsonObject } from './json.ts';
import type { SigningKeys } from './signing-keys.ts';
import type { UserStore } from './user-store.ts';

interface Dependencies {
  readonly users: UserStore;
  readonly clients: ClientStore;
  readonly keys: SigningKeys;
  readonly faults: Faults;
  readonly calls: CallLog;
  readonly addresses: Addresses;
  readonly now: () => number;
  /** Puts the tenant back to its seed. */
  readonly reset: () => void;
}

const rotation = z.strictObject({ retire: z.boolean().optional() });
const clientKey = z.strictObject({ public_key: z.union([z.string(), jsonObject]) });
const faultQuery = z.strictObject({ route: faultRoute.optional() });

/** Routes below `/_local`, with their own error handling. */
export function createControl(deps: Dependencies): Router {
  const { clients, keys, faults, calls } = deps;
  const router = Router();
  router.use(express.json({ limit: '2mb', strict: false, type: () => true }));

  router.post('/token', (request, response) => {
    const order = parseControl(tokenOrder, request.body);
    response.json({ access_token: mintToken(order, keys, deps.addresses, deps.now()) });
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
    response.json(faults.list());
  });
  router.put('/faults', (request, response) => {
    const fault = parseControl(faultSchema, request.body);
    faults.put(fault);
    response.json(fault);
  });
  router.delete('/faults', (request, response) => {
    faults.remove(parseControl(faultQuery, request.query).route);
    response.status(204).end();
  });

  router.post('/keys/rotate', async (request, response) => {
    const { retire = false } = parseControl(rotation, request.body);
    const { kid } = await keys.rotate({ retire });
    response.json({ kid });
  });

  router.post('/clients/:id/keys', (request, response) => {
    const { id } = request.params;
    if (!clients.find(id)) throw new ControlError(404, 'not_found', 'There is no such client');
    clients.addKey(id, readPublicKey(parseControl(clientKey, request.body).public_key));
    response.status(201).json({ client_id: id, keys: clients.keysOf(id).length });
  });

  router.post('/reset', (_request, response) => {
    deps.reset();
    response.status(204).end();
  });

  router.use((_request, _response, next) => {
    next(new ControlError(404, 'not_found', 'There is no such control endpoint'));
  });
  router.use(answerControlError);
  return router;
}

const answerControlError: ErrorRequestHandler = (thrown, _request, response, _next) => {
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
