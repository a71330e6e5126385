/** The part of the table that is there with `AUTH0_COMPAT` only. */
import { z } from 'zod';
import { projectionQuery } from '../projection.ts';
import { compatPatchSchema, READ_SCOPES, UPDATE_SCOPES } from '../routes/compat.ts';
import { json } from './content.ts';
import { type Endpoint, read, write } from './operation.ts';
import * as schemas from './schemas.ts';

const userParams = z.object({
  id: z.string().meta({ description: 'The caller’s own user id, encoded or not.', example: 'auth0|jane' }),
});

export const compatEndpoints: readonly Endpoint[] = [
  {
    path: '/api/v2/users/{id}',
    tag: 'Management API',
    params: userParams,
    dialect: 'auth0',
    get: read({
      id: 'readUser',
      summary: 'Read one’s own user, as the Management API answers it',
      description: 'With `app_metadata` only if the token has the scope to read that, too.',
      scopes: READ_SCOPES,
      query: projectionQuery,
      answer: json(schemas.user),
      errors: ['query_invalid', 'user_mismatch', 'user_not_found', 'metadata_not_an_object'],
    }),
    patch: write({
      id: 'patchUser',
      summary: 'Change one’s own user_metadata, as the Management API does',
      description: 'Merged at the first level only: an object replaces the one before it.',
      scopes: UPDATE_SCOPES,
      body: json(compatPatchSchema, { user_metadata: { theme: 'dark' } }),
      answer: json(schemas.user),
      errors: ['user_mismatch', 'metadata_not_an_object'],
    }),
  },
];
