/** The table of the public listener: one entry for each resource, one row for each of its methods. */
import { z } from 'zod';
import { jsonPatchSchema } from '../../metadata/json-patch.ts';
import { projectionQuery } from '../projection.ts';
import { downloadQuery } from '../routes/profile.ts';
import type { ScopeNames } from '../routes.ts';
import { compatEndpoints } from './compat-endpoints.ts';
import { content, JSON_PATCH_EXAMPLE, json, MERGE_PATCH_EXAMPLE } from './content.ts';
import { type Endpoint, read, remove, writeOrMinimal } from './operation.ts';
import { docsEndpoints, healthEndpoints, publicEndpoints } from './public-endpoints.ts';
import * as schemas from './schemas.ts';
import { streamEndpoint } from './stream-endpoint.ts';

export interface EndpointsOptions {
  readonly scopes: ScopeNames;
  /** Whether the drop-in for the Management API is offered. */
  readonly compat: boolean;
  /** Whether the page that shows this document is served. */
  readonly docs: boolean;
  /** Whether a write must carry `If-Match` or `If-None-Match`. */
  readonly requireIfMatch: boolean;
  /** Whether this listener answers probes, too. */
  readonly publicHealth: boolean;
}

const keyParams = z.object({
  key: z.string().meta({ description: 'The name of a top-level key.', example: 'theme' }),
});

/** Everything that the public listener offers with these options. */
export function endpoints({
  scopes,
  compat,
  docs,
  requireIfMatch,
  publicHealth,
}: EndpointsOptions): readonly Endpoint[] {
  const readScopes = [scopes.readMetadata];
  const updateScopes = [scopes.updateMetadata];
  const quota = ['Metadata-Quota'] as const;
  const conditional = requireIfMatch ? (['precondition_required'] as const) : [];
  return [
    {
      path: '/me/metadata',
      tag: 'Metadata',
      get: read({
        id: 'readMetadata',
        summary: 'Read the whole metadata',
        scopes: readScopes,
        query: projectionQuery,
        answer: json(schemas.userMetadata),
        headers: quota,
        errors: ['query_invalid', 'user_not_found', 'not_acceptable', 'metadata_not_an_object'],
      }),
      put: writeOrMinimal({
        id: 'replaceMetadata',
        summary: 'Replace the whole metadata',
        description: 'Keys that are hidden from the caller, or read-only to them, stay as they are.',
        scopes: updateScopes,
        body: json(schemas.userMetadata),
        answer: json(schemas.userMetadata),
        headers: quota,
        errors: conditional,
      }),
      patch: writeOrMinimal({
        id: 'patchMetadata',
        summary: 'Change parts of the metadata',
        description:
          'A merge patch works at every depth. A JSON Patch is applied whole or not at all. An empty patch changes nothing. A `test` needs the scope to read as well.',
        scopes: updateScopes,
        body: content({
          'application/merge-patch+json': [schemas.mergePatch, MERGE_PATCH_EXAMPLE],
          'application/json': [schemas.mergePatch, MERGE_PATCH_EXAMPLE],
          'application/json-patch+json': [jsonPatchSchema, JSON_PATCH_EXAMPLE],
        }),
        answer: json(schemas.userMetadata),
        headers: quota,
        errors: ['patch_test_failed', 'metadata_not_an_object', 'patch_not_applicable', ...conditional],
      }),
      delete: remove({
        id: 'removeMetadata',
        summary: 'Remove everything the caller may change',
        scopes: updateScopes,
        headers: quota,
        errors: conditional,
      }),
    },
    {
      path: '/me/metadata/{key}',
      tag: 'Metadata',
      params: keyParams,
      get: read({
        id: 'readKey',
        summary: 'Read one key',
        scopes: readScopes,
        answer: json(schemas.jsonValue),
        headers: quota,
        errors: ['user_not_found', 'key_not_found', 'not_acceptable', 'metadata_not_an_object'],
      }),
      put: writeOrMinimal({
        id: 'replaceKey',
        summary: 'Replace one key',
        description: 'Any JSON value but `null`, which a top-level key cannot hold.',
        scopes: updateScopes,
        body: json(schemas.jsonValue, 'dark'),
        answer: json(schemas.jsonValue, 'dark'),
        headers: quota,
        errors: ['metadata_not_an_object', ...conditional],
      }),
      delete: remove({
        id: 'removeKey',
        summary: 'Remove one key',
        scopes: updateScopes,
        headers: quota,
        errors: ['metadata_not_an_object', ...conditional],
      }),
    },
    streamEndpoint(readScopes),
    {
      path: '/me',
      tag: 'Profile',
      get: read({
        id: 'readProfile',
        summary: 'Read the profile',
        scopes: readScopes,
        query: z.object({ ...projectionQuery.shape, ...downloadQuery.shape }),
        answer: json(schemas.profile),
        headers: ['Content-Disposition'],
        errors: ['query_invalid', 'user_not_found', 'not_acceptable', 'metadata_not_an_object'],
      }),
    },
    {
      path: '/me/app-metadata',
      tag: 'Profile',
      get: read({
        id: 'readAppMetadata',
        summary: 'Read what the operator shows of app_metadata',
        scopes: [scopes.readAppMetadata],
        query: projectionQuery,
        answer: json(schemas.readableAppMetadata, { plan: 'premium' }),
        errors: ['query_invalid', 'user_not_found', 'not_acceptable'],
      }),
    },
    {
      path: '/client/metadata',
      tag: 'Application',
      get: read({
        id: 'readClientMetadata',
        summary: 'Read what the operator shows of the calling application’s settings',
        scopes: [scopes.readClientMetadata],
        answer: json(schemas.clientMetadata, { support_email: 'help@example.com' }),
        errors: ['not_acceptable'],
      }),
    },
    ...(compat ? compatEndpoints : []),
    ...publicEndpoints,
    ...(docs ? docsEndpoints : []),
    ...(publicHealth ? healthEndpoints : []),
  ];
}
