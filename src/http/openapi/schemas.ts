/** What the answers hold, as zod schemas. Those of requests live where they validate. */
import { z } from 'zod';
import { REASONS } from '../../metadata/policy.ts';
import { PROBLEMS } from '../errors.ts';

/** Stands for the operator's schema, which takes the place of this component in the document. */
export const userMetadata = z.looseObject({}).meta({ id: 'UserMetadata' });

export const jsonValue = z.unknown().meta({ id: 'JsonValue', description: 'Any JSON value.' });

export const mergePatch = z.looseObject({}).meta({
  id: 'MergePatch',
  description:
    'A merge patch (RFC 7396): `null` removes a key, an object is merged at every depth, and anything else replaces.',
});

const appMetadata = z.looseObject({}).meta({
  id: 'AppMetadata',
  description: 'The keys of `app_metadata` that the operator lets callers read.',
});

const updatedAt = z
  .string()
  .meta({ format: 'date-time', description: 'The identity provider’s own time stamp, where it sends one.' });

const PROJECTED = 'With `fields`, a part of it.';

export const profile = z
  .strictObject({
    sub: z.string().meta({ description: 'The user id, as in the token.' }),
    user_metadata: userMetadata,
    app_metadata: appMetadata,
    updated_at: updatedAt,
  })
  .partial()
  .meta({
    id: 'Profile',
    description: `\`app_metadata\` is there for callers with its scope only. ${PROJECTED}`,
  });

/** The answer of the drop-in for the Management API. */
export const user = z
  .strictObject({
    user_id: z.string(),
    user_metadata: userMetadata,
    app_metadata: appMetadata,
    updated_at: updatedAt,
  })
  .partial()
  .meta({ id: 'User', description: `A user as the Management API answers one. ${PROJECTED}` });

export const readableAppMetadata = appMetadata;

const policyPlaces = z
  .record(
    z.string(),
    z.strictObject({
      access: z.enum(['read_write', 'read_only']),
      reason: z
        .enum(REASONS)
        .optional()
        .meta({ description: 'Why it is read-only: the first reason, if there are several.' }),
      step_up: z
        .strictObject({
          max_age: z.int().optional(),
          acr_values: z.array(z.string()).optional(),
        })
        .optional()
        .meta({ description: 'How recent in seconds, or of which class, the login must be to change it.' }),
      claim: z
        .string()
        .optional()
        .meta({ description: 'The claim of the access token that mirrors the value.' }),
    }),
  )
  .meta({
    id: 'PolicyPlaces',
    description:
      'By JSON Pointer. The empty one is the document: whether keys that are not listed may be added.',
  });

export const policy = z
  .strictObject({ user_metadata: policyPlaces, app_metadata: policyPlaces.optional() })
  .meta({ id: 'Policy', description: '`app_metadata` is there for callers with its scope only.' });

export const clientMetadata = z.record(z.string(), z.string()).meta({
  id: 'ClientMetadata',
  description: 'The keys of `client_metadata` that the operator lets callers read.',
});

const fieldError = z
  .strictObject({
    pointer: z.string().meta({ description: 'The place, as a JSON Pointer (RFC 6901).' }),
    code: z.string().meta({ description: 'The rule that it breaks, such as `enum`.' }),
    detail: z.string().meta({ description: 'A sentence for people.' }),
    params: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: 'The values of the rule, for a sentence of the app’s own.' }),
  })
  .meta({ id: 'FieldError', description: 'What is wrong at one place of the document.' });

export const problem = z
  .strictObject({
    type: z.string().regex(/^urn:metadata-bff:problem:[a-z_]+$/),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    code: z
      .enum(Object.keys(PROBLEMS))
      .meta({ description: 'What happened, for programs: stable, unlike the sentences.' }),
    request_id: z.string(),
    errors: z.array(fieldError).optional(),
    current: z
      .unknown()
      .optional()
      .meta({ description: 'With `precondition_failed`: the resource as it is now.' }),
    max_age: z
      .int()
      .optional()
      .meta({ description: 'With `step_up_required`: how old the login may be, in seconds.' }),
    acr_values: z
      .array(z.string())
      .optional()
      .meta({ description: 'With `step_up_required`: the classes of login that are enough.' }),
    outcome: z.literal('unknown').optional().meta({
      description: 'Present where the write may have been applied or not: read before trying again.',
    }),
  })
  .meta({
    id: 'Problem',
    description: 'An error (RFC 9457). `code` is for programs, `title` and `detail` are for people.',
  });

export const auth0Error = z
  .strictObject({
    statusCode: z.int().min(400).max(599),
    error: z.string(),
    message: z.string(),
    errorCode: z.string(),
  })
  .meta({ id: 'Auth0Error', description: 'An error in the shape of the Management API.' });

export const protectedResource = z
  .strictObject({
    resource: z.string(),
    authorization_servers: z.array(z.string()),
    scopes_supported: z.array(z.string()),
    bearer_methods_supported: z.array(z.string()),
    dpop_signing_alg_values_supported: z.array(z.string()),
    dpop_bound_access_tokens_required: z.boolean(),
  })
  .meta({ id: 'ProtectedResource', description: 'What clients need to know of this resource (RFC 9728).' });

export const liveness = z.strictObject({ status: z.literal('alive') }).meta({ id: 'Liveness' });

export const readiness = z
  .strictObject({
    status: z.enum(['ready', 'degraded', 'not_ready', 'draining']),
    checks: z.record(z.string(), z.enum(['ok', 'failing'])),
  })
  .meta({ id: 'Readiness', description: 'Which checks pass. A `degraded` service serves requests.' });

export const anyDocument = z.looseObject({});
export const text = z.string();
