/**
 * The three Management API operations of the tenant: read a user, change a user, read an application. Reads see every
 * finished write at once, and no answer carries an ETag, as upstream.
 */
import express, { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { Auth0Error, createUserNotFoundError } from './auth0-errors.ts';
import { type ClientStore, toClientDocument } from './client-store.ts';
import type { Faults } from './faults.ts';
import type { JsonValue } from './json.ts';
import type { ManagementCaller, ManagementGuard } from './management-guard.ts';
import { parseUserPatch, toUserWrite, type UserPatch } from './user-patch.ts';
import type { UserStore } from './user-store.ts';

// `fields` and `include_fields` of the Management API: top-level keys to include or to leave out. No key is added or
// kept on its own account, `user_id` included (recorded).

interface FieldSelection {
  readonly fields: readonly string[];
  readonly include: boolean;
}

const querySchema = z.strictObject({
  fields: z.string().optional(),
  include_fields: z.enum(['true', 'false']).optional(),
});

/** Reads the projection off a query string; unknown or malformed parameters are Auth0's 400. */
function parseFieldSelection(query: unknown): FieldSelection {
  const parsed = querySchema.safeParse(query);
  if (!parsed.success) throw createQueryError(parsed.error.issues);
  const names = (parsed.data.fields ?? '').split(',').map((name) => name.trim());
  return {
    fields: names.filter((name) => name !== ''),
    include: parsed.data.include_fields !== 'false',
  };
}

/** The part of `document` that was asked for. No fields named means all of it. */
function selectFields(
  document: Readonly<Record<string, JsonValue>>,
  { fields, include }: FieldSelection,
): Record<string, JsonValue> {
  if (fields.length === 0) return { ...document };
  return Object.fromEntries(Object.entries(document).filter(([key]) => fields.includes(key) === include));
}

function createQueryError(issues: readonly z.core.$ZodIssue[]): Auth0Error {
  const unknown = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
  const detail =
    unknown.length > 0
      ? `'Additional properties not allowed: ${unknown.join(',')}'.`
      : `'Invalid value' on property ${String(issues[0]?.path[0] ?? '')}.`;
  return new Auth0Error(400, `Query validation error: ${detail}`, 'invalid_query_string');
}

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

  router.get('/users/:id', faults.intercept('management.get'), async (request, response) => {
    const caller = await guard.admit(request, readScopes);
    const id = readUserId(request);
    const projection = parseFieldSelection(request.query);
    if (!caller.has('read:users') && !caller.has('read:user_idp_tokens')) requireSelf(caller, id);
    const user = users.find(id);
    if (!user) throw createUserNotFoundError();
    respond(response, selectFields(user, projection));
  });

  router.patch(
    '/users/:id',
    faults.intercept('management.patch'),
    parseJson,
    parseForm,
    async (request, response) => {
      const caller = await guard.admit(request, writeScopes, writeScopesNotListed);
      const id = readUserId(request);
      const patch = parseUserPatch(request.body);
      requireAllowedFields(caller, id, patch);
      const user = users.find(id);
      if (!user) throw createUserNotFoundError();
      respond(response, users.write(id, toUserWrite(user, patch)));
    },
  );

  router.get('/clients/:id', faults.intercept('management.clients'), async (request, response) => {
    await guard.admit(request, clientScopes);
    const projection = parseFieldSelection(request.query);
    const client = clients.find(readParameter(request, 'id'));
    if (!client) throw new Auth0Error(404, 'The client does not exist', 'inexistent_client');
    respond(response, selectFields(toClientDocument(client), projection));
  });

  return router;
}

function readUserId(request: Request): string {
  const id = readParameter(request, 'id');
  if (!/^[^|]+\|.+$/s.test(id)) {
    throw new Auth0Error(
      400,
      `Path validation error: 'Object didn't pass validation for format user-id: ${id}' on property id (The user_id of the user to retrieve).`,
      'invalid_uri',
    );
  }
  return id;
}

function readParameter(request: Request, name: string): string {
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

function respond(response: Response, body: object): void {
  response.set('cache-control', 'no-cache').json(body);
}
