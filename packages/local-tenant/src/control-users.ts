/**
 * `/_local/users/{id}`: the stored user as it is, for reading, for editing as an administrator would in the dashboard,
 * and for deleting. Edits are published like any other change.
 */
import type { Request, Router } from 'express';
import { z } from 'zod';
import { ControlError, parseControl } from './control-errors.ts';
import { isJsonObject, jsonObject, jsonValue } from './json.ts';
import type { UserStore } from './user-store.ts';

// A dashboard stores objects only. A mapping of attributes stores whatever an identity provider sends.
const metadata = jsonValue.optional();
const userEdit = z.custom<Record<string, unknown>>(isJsonObject, 'must be a JSON object').pipe(
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
export function addUserRoutes(router: Router, users: UserStore): void {
  router.get('/users/:id', (request, response) => {
    const user = users.find(userId(request));
    if (!user) throw noSuchUser();
    response.json(user);
  });

  router.put('/users/:id', (request, response) => {
    const id = userId(request);
    const edit = parseControl(userEdit, request.body);
    if (edit.user_id !== undefined && edit.user_id !== id) {
      throw new ControlError(400, 'invalid_request', 'user_id: differs from the id in the path');
    }
    const { password, user_id: _, ...attributes } = edit;
    response.json(
      users.write(id, {
        attributes: parseControl(jsonObject, attributes),
        ...(password === undefined ? {} : { password }),
      }),
    );
  });

  router.delete('/users/:id', (request, response) => {
    if (!users.remove(userId(request))) throw noSuchUser();
    response.status(204).end();
  });
}

function userId(request: Request): string {
  const id = String(request.params['id'] ?? '');
  if (!/^[^|]+\|.+$/s.test(id)) {
    throw new ControlError(400, 'invalid_request', 'id: must look like provider|identifier');
  }
  return id;
}

function noSuchUser(): ControlError {
  return new ControlError(404, 'not_found', 'There is no such user');
}
