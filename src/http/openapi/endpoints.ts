/** The table of the public listener: one entry for each resource, one row for each of its methods. */
import { z } from 'zod';
import { jsonPatchSchema } from '../../metadata/json-patch.ts';
import { fieldsQuery } from '../request-options.ts';
import { compatPatchSchema, READ_SCOPES, UPDATE_SCOPES } from '../routes/compat.ts';
import type { ScopeNames } from '../routes/index.ts';
import type { PartialScopes } from '../routes/route.ts';
import { downloadQuery } from '../routes/profile.ts';
import {
  CALLER,
  content,
  COUNTED,
  type Endpoint,
  GUARDED,
  json,
  JSON_PATCH_EXAMPLE,
  MERGE_PATCH_EXAMPLE,
  probe,
  publicRead,
  read,
  remove,
  write,
  writeOrMinimal,
} from './operation.ts';
import * as schemas from './schemas.ts';
import { text } from './schemas.ts';

// The part of the table that is there with `AUTH0_COMPAT` only.

const userParams = z.object({
  id: z.string().meta({ description: 'The caller’s own user id, encoded or not.', example: 'auth0|jane' }),
});

const createCompatEndpoints = (partial: PartialScopes): readonly Endpoint[] => [
  {
    path: '/api/v2/users/{id}',
    tag: 'Management API',
    params: userParams,
    errorFormat: 'auth0',
    get: read({
      id: 'readUser',
      summary: 'Read one’s own user as the Management API answers it',
      description:
        'Answers `user_id`, `user_metadata` and `updated_at`, and `app_metadata` if the token has the scope for that too. The id in the path must be the subject of the token.',
      scopes: [...READ_SCOPES, ...partial.read],
      query: fieldsQuery,
      answer: json(schemas.user),
      errors: ['query_invalid', 'user_mismatch', 'user_not_found', 'metadata_not_an_object'],
    }),
    patch: write({
      id: 'patchUser',
      summary: 'Change one’s own user_metadata as the Management API does',
      description:
        'Merges at the first level only, as Auth0 does: an object replaces the one that was stored, and `null` removes a key. The body holds `user_metadata` and nothing else. An empty `user_metadata`, which would remove everything at Auth0, is refused.',
      scopes: [...UPDATE_SCOPES, ...partial.update],
      body: json(compatPatchSchema, { user_metadata: { theme: 'dark' } }),
      answer: json(schemas.user),
      errors: ['user_mismatch', 'metadata_not_an_object'],
    }),
  },
];

// The part of the table that needs no token.

const fileParams = z.object({ file: z.string().meta({ description: 'A part of the page.' }) });

const publicEndpoints: readonly Endpoint[] = [
  {
    path: '/schemas/user-metadata',
    tag: 'This service',
    get: publicRead({
      id: 'readMetadataSchema',
      summary: 'Read the JSON Schema of the metadata',
      description: 'Answers in the language that suits the caller best, of those that the operator offers.',
      answer: content({ 'application/schema+json': [schemas.anyDocument] }),
      headers: ['Content-Language'],
      requestHeaders: ['Accept-Language'],
    }),
  },
  {
    path: '/.well-known/oauth-protected-resource',
    tag: 'This service',
    get: publicRead({
      id: 'readProtectedResource',
      summary: 'Read where tokens come from and which scopes there are',
      description:
        'Answers the metadata of this resource (RFC 9728): audience, issuers, scopes and how to present a token.',
      answer: json(schemas.protectedResource),
    }),
  },
  {
    path: '/openapi.json',
    tag: 'This service',
    get: publicRead({
      id: 'readOpenApi',
      summary: 'Read this document',
      description:
        'Answers OpenAPI 3.1, made from the schemas that validate requests. It changes with the configuration of the service.',
      answer: json(schemas.anyDocument),
    }),
  },
];

const docsEndpoints: readonly Endpoint[] = [
  {
    path: '/docs',
    tag: 'This service',
    get: publicRead({
      id: 'readDocsPage',
      summary: 'Read this document as a page',
      description: 'Answers a page that loads from and connects to this service only.',
      answer: content({ 'text/html': [schemas.text] }),
      headers: ['Content-Security-Policy'],
    }),
  },
  {
    path: '/docs/{file}',
    tag: 'This service',
    params: fileParams,
    get: publicRead({
      id: 'readDocsFile',
      summary: 'Read a part of that page',
      description: 'Answers the style sheets and scripts of `/docs`.',
      answer: content({ 'text/css': [schemas.text], 'text/javascript': [schemas.text] }),
      errors: ['route_not_found'],
    }),
  },
];

const healthEndpoints: readonly Endpoint[] = [
  {
    path: '/livez',
    tag: 'This service',
    get: probe({
      id: 'readLiveness',
      summary: 'Ask whether the process answers',
      description: 'Always 200 while the process runs. It asks no other system.',
      answer: json(schemas.liveness),
    }),
  },
  {
    path: '/readyz',
    tag: 'This service',
    get: probe({
      id: 'readReadiness',
      summary: 'Ask whether the service can serve requests',
      description:
        '200 while it can, also when a check fails that it can do without (`degraded`). 503 when it cannot, and while it shuts down.',
      answer: json(schemas.readiness),
      failure: json(schemas.readiness),
    }),
  },
];

// `/me/events` in the document: the only answer that is a stream.

const EXAMPLE = [
  'retry: 2718',
  'id: "3q2-7wAAAAAAAAAAAAAAAAAA"',
  'event: stream.opened',
  'data: {"etag":"\\"3q2-7wAAAAAAAAAAAAAAAAAA\\""}',
  '',
  'id: "M8f6JWH2I-H6zL4q5e6IBv5P"',
  'event: metadata.updated',
  'data: {"etag":"\\"M8f6JWH2I-H6zL4q5e6IBv5P\\"","keys":["theme"]}',
  '',
  ': heartbeat',
  '',
].join('\n');

function streamEndpoint(scopes: readonly string[]): Endpoint {
  return {
    path: '/me/events',
    tag: 'Metadata',
    get: {
      id: 'streamMetadataEvents',
      summary: 'Receive an event when the metadata changes',
      description:
        'Answers server-sent events. The first, `stream.opened`, has the tag of the whole document. Each `metadata.updated` has its new tag and the top-level keys to read again. `claims_stale` lists claims of the stream’s token that differ from what is stored. The stream ends with the token. After a reconnection with `Last-Event-ID`, one event with all keys stands for what was missed.',
      scopes,
      requestHeaders: ['Last-Event-ID', ...CALLER],
      answers: [
        {
          status: 200,
          description: 'A stream that lasts until the token ends.',
          headers: ['Cache-Control', 'Claims-Stale', 'Vary', 'X-Accel-Buffering', 'X-Request-Id', ...COUNTED],
          content: content({ 'text/event-stream': [text, EXAMPLE] }),
        },
      ],
      errors: [...GUARDED, 'user_not_found', 'not_acceptable', 'draining'],
    },
  };
}

export interface EndpointsOptions {
  readonly scopes: ScopeNames;
  /** Scopes that open some keys. */
  readonly partial: PartialScopes;
  /** Whether the drop-in for the Management API is offered. */
  readonly compat: boolean;
  /** Whether the page that shows this document is served. */
  readonly docs: boolean;
  /** Whether a write must carry `If-Match` or `If-None-Match`. */
  readonly requireIfMatch: boolean;
  /** Whether this listener answers probes, too. */
  readonly publicHealth: boolean;
}

const POLICY_EXAMPLE = {
  user_metadata: {
    '': { access: 'read_write' },
    '/theme': { access: 'read_write' },
    '/member_since': { access: 'read_only', reason: 'schema' },
  },
  app_metadata: { '/plan': { access: 'read_only', reason: 'app_metadata' } },
};

const keyParams = z.object({
  key: z.string().meta({ description: 'The name of a top-level key.', example: 'theme' }),
});

/** Everything that the public listener offers with these options. */
export function createEndpoints({
  scopes,
  partial,
  compat,
  docs,
  requireIfMatch,
  publicHealth,
}: EndpointsOptions): readonly Endpoint[] {
  const readScopes = [scopes.readMetadata, ...partial.read];
  const updateScopes = [scopes.updateMetadata, ...partial.update];
  const claims = ['Claims-Stale'] as const;
  const quota = ['Metadata-Quota', ...claims] as const;
  const conditional = requireIfMatch ? (['precondition_required'] as const) : [];
  return [
    {
      path: '/me/metadata',
      tag: 'Metadata',
      get: read({
        id: 'readMetadata',
        summary: 'Read the whole metadata',
        description:
          'Answers the document without the keys that are hidden from the caller. A user without metadata has `{}`.',
        scopes: readScopes,
        query: fieldsQuery,
        answer: json(schemas.userMetadata),
        headers: quota,
        errors: ['query_invalid', 'user_not_found', 'not_acceptable', 'metadata_not_an_object'],
      }),
      put: writeOrMinimal({
        id: 'replaceMetadata',
        summary: 'Replace the whole metadata',
        description:
          'Removes every key that the body does not name. Keys that are hidden from the caller or read-only to them stay as they are.',
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
          'Takes a merge patch, which works at every depth, or a JSON Patch, which is applied whole or not at all. What the patch does not name stays. An empty patch changes nothing. A `test` in a JSON Patch needs the scope to read as well.',
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
        summary: 'Remove all metadata that the caller may change',
        description:
          'Keys that are hidden from the caller or read-only to them stay. It succeeds also where there is nothing to remove.',
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
        id: 'readMetadataKey',
        summary: 'Read one key',
        description: 'Answers the bare value of one top-level key, with a tag of its own.',
        scopes: readScopes,
        answer: json(schemas.jsonValue),
        headers: quota,
        errors: ['user_not_found', 'key_not_found', 'not_acceptable', 'metadata_not_an_object'],
      }),
      put: writeOrMinimal({
        id: 'replaceMetadataKey',
        summary: 'Replace one key',
        description:
          'Takes any JSON value but `null`, which a top-level key cannot hold: DELETE removes it. All other keys stay as they are.',
        scopes: updateScopes,
        body: json(schemas.jsonValue, 'dark'),
        answer: json(schemas.jsonValue, 'dark'),
        headers: quota,
        errors: ['metadata_not_an_object', ...conditional],
      }),
      delete: remove({
        id: 'removeMetadataKey',
        summary: 'Remove one key',
        description: 'It succeeds also where the key does not exist.',
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
        description:
          'Answers the user id, the metadata, the time of the last change, and `app_metadata` if the token has the scope for that too.',
        scopes: readScopes,
        query: z.object({ ...fieldsQuery.shape, ...downloadQuery.shape }),
        answer: json(schemas.profile),
        headers: ['Content-Disposition', ...claims],
        errors: ['query_invalid', 'user_not_found', 'not_acceptable', 'metadata_not_an_object'],
      }),
    },
    {
      path: '/me/policy',
      tag: 'Profile',
      get: read({
        id: 'readPolicy',
        summary: 'Read which places of the metadata the caller may change',
        description:
          'Answers by JSON Pointer what may be changed, and why the rest may not: for this caller, application, token and actor, and for the metadata that is stored now. A place that may not be read is left out.',
        scopes: readScopes,
        answer: json(schemas.policy, POLICY_EXAMPLE),
        errors: ['user_not_found', 'not_acceptable'],
      }),
    },
    {
      path: '/me/app-metadata',
      tag: 'Profile',
      get: read({
        id: 'readAppMetadata',
        summary: 'Read what the operator shows of app_metadata',
        description: 'Answers the keys that the policy lists, and `{}` where there are none.',
        scopes: [scopes.readAppMetadata],
        query: fieldsQuery,
        answer: json(schemas.readableAppMetadata, { plan: 'premium' }),
        headers: claims,
        errors: ['query_invalid', 'user_not_found', 'not_acceptable'],
      }),
    },
    {
      path: '/client/metadata',
      tag: 'Application',
      get: read({
        id: 'readClientMetadata',
        summary: 'Read what the operator shows of the application’s settings',
        description:
          'Answers those keys of the calling application’s `client_metadata` that the policy lists.',
        scopes: [scopes.readClientMetadata],
        answer: json(schemas.clientMetadata, { support_email: 'help@example.com' }),
        errors: ['not_acceptable'],
      }),
    },
    ...(compat ? createCompatEndpoints(partial) : []),
    ...publicEndpoints,
    ...(docs ? docsEndpoints : []),
    ...(publicHealth ? healthEndpoints : []),
  ];
}
