/**
 * The three Management API operations of the tenant: read a user, change a user, read an application. Reads see every
 * finished write at once, and no answer carries an ETag, as upstream.
 */
import express, { type Request, type Response, Router } from 'express';
import { Auth0Error, inexistentUser } from './auth0-errors.ts';
import { type ClientStore, clientDocument } from './client-store.ts';
import type { Faults } from './faults.ts';
import type { ManagementCaller, ManagementGuard } from './management-guard.ts';
import { parseProjection, project } from './projection.ts';
import { parseUserPatch, type UserPatch, userWriteOf } from './user-patch.ts';
import type { UserStore } from './user-store.ts';

const readScopes = ['read:users', 'read:user_idp_tokens', 'read:current_user'];
const writeScopes = ['update:users', 'update:users_app_metadata', 'update:current_user_metadata'];
// Documented as a scope of PATCH as well, but absent from the recorded refusal.
const writeScopesNotListed = ['create:current_user_metadata'];
const clientScopes = ['read:clients', 'read:client_keys'];

interface Dependencies {
  readonly users: UserStore;
  readonly clients: ClientStore;
  readonly guard: ManagementGuard;
  readonly faults: Faults;
}

/** Routes below `/api/v2`. Refusals are thrown; the caller's error handler writes them. */
export function createManagementApi({ users, clients, guard, faults }: Dependencies): Router {
  const router = Router();
  const parseJson = express.json({ limit: '1mb', strict: false });
  const parseForm = express.urlencoded({ limit: '1mb', extended: true });

  router.get('/users/:id', faults.on('management.get'), async (request, response) => {
    const caller = await guard.admit(request, readScopes);
    const id = userId(request);
    const projection = parseProjection(request.query);
    if (!caller.has('read:users') && !caller.has('read:user_idp_tokens')) requireSelf(caller, id);
    const user = users.find(id);
    if (!user) throw inexistentUser();
    answer(response, project(user, projection));
  });

  router.patch(
    '/users/:id',
    faults.on('management.patch'),
    parseJson,
    parseForm,
    async (request, response) => {
      const caller = await guard.admit(request, writeScopes, writeScopesNotListed);
      const id = userId(request);
      const patch = parseUserPatch(request.body);
      requireAllowedFields(caller, id, patch);
      const user = users.find(id);
      if (!user) throw inexistentUser();
      answer(response, users.write(id, userWriteOf(user, patch)));
    },
  );

  router.get('/clients/:id', faults.on('management.clients'), async (request, response) => {
    await guard.admit(request, clientScopes);
    const projection = parseProjection(request.query);
    const client = clients.find(parameter(request, 'id'));
    if (!client) throw new Auth0Error(404, 'The client does not exist', 'inexistent_client');
    answer(response, project(clientDocument(client), projection));
  });

  return router;
}

function userId(request: Request): string {
  const id = parameter(request, 'id');
  if (!/^[^|]+\|.+$/s.test(id)) {
    throw new Auth0Error(
      400,
      `Path validation error: 'Object didn't pass validation for format user-id: ${id}' on property id (The user_id of the user to retrieve).`,
      'invalid_uri',
    );
  }
  return id;
}

function parameter(request: Request, name: string): string {
  const value = request.params[name];
  return typeof value === 'string' ? value : '';
}

function requireSelf(caller: ManagementCaller, id: string): void {
  if (caller.sub !== id) {
    throw new Auth0Error(403, 'User to be acted on does not match subject in bearer token.');
  }
}

// update:users may change anything; the narrower scopes only what their names say.
function requireAllowedFields(caller: ManagementCaller, id: string, patch: UserPatch): void {
  if (caller.has('update:users')) return;
  const appMetadata = caller.has('update:users_app_metadata');
  if (!appMetadata) requireSelf(caller, id);
  const allowed = appMetadata ? ['user_metadata', 'app_metadata'] : ['user_metadata'];
  const refused = Object.keys(patch).filter((name) => !allowed.includes(name));
  if (refused.length > 0) {
    throw new Auth0Error(403, `You cannot update the following fields: ${refused.join(', ')}`);
  }
}

function answer(response: Response, body: object): void {
  response.set('cache-control', 'no-cache').json(body);
}
