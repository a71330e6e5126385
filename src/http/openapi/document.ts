/**
 * The OpenAPI document, made from the table and from the schemas that validate requests. The
 * operator's own schema is its component `UserMetadata`.
 */
import {
  createDocument,
  type oas31,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi';
import type { ErrorCode } from '../../lib/app-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts';
import type { ScopedKeys } from '../../metadata/policy.ts';
import { READ_SCOPES, UPDATE_SCOPES } from '../routes/compat.ts';
import { createEndpoints, type EndpointsOptions } from './endpoints.ts';
import {
  type Answer,
  createErrorAnswers,
  type ErrorFormat,
  type Endpoint,
  type ErrorAnswers,
  GUARDED,
  createHeaderComponents,
  type Operation,
  createParameterComponents,
  referToRequestHeaders,
  referToResponseHeaders,
} from './operation.ts';

// The operator's JSON Schema as a component of the document. Its references to itself are rewritten to where
// it now stands: few tools follow an `$id`, which would spare that.

/** Keywords that hold data, in which a member named `$ref` is no reference. */
const DATA = new Set(['const', 'default', 'enum', 'examples']);
/** Keywords whose members are schemas under any name. */
const SCHEMAS_BY_NAME = new Set([
  '$defs',
  'definitions',
  'dependentSchemas',
  'patternProperties',
  'properties',
]);
/** References within the schema, by JSON Pointer; those by anchor hold anywhere in the document. */
const OWN_POINTER = /^#(?=\/|$)/;

/** @param place of the schema in the document, such as `#/components/schemas/Name`. */
export function relocateSchema(schema: JsonObject, place: string): JsonObject {
  const { $id: _id, $schema: _dialect, ...content } = schema;
  return relocate(content);

  function relocate(node: JsonObject): JsonObject {
    return mapMembers(node, (keyword, value) => {
      if (keyword === '$ref' && typeof value === 'string') return value.replace(OWN_POINTER, place);
      if (DATA.has(keyword)) return value;
      if (SCHEMAS_BY_NAME.has(keyword) && isJsonObject(value)) {
        return mapMembers(value, (_name, child) => relocateValue(child));
      }
      return relocateValue(value);
    });
  }

  function relocateValue(value: JsonValue): JsonValue {
    if (Array.isArray(value)) return value.map(relocateValue);
    // A part with an `$id` is a resource of its own, in which references stay.
    return isJsonObject(value) && value['$id'] === undefined ? relocate(value) : value;
  }
}

function mapMembers(object: JsonObject, map: (key: string, value: JsonValue) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(key, value)]));
}

// From the table to OpenAPI: the paths with what every operation has.

/** The schemes by which a caller may present a token; `security.ts` describes them. */
export const SCHEMES = ['oauth2', 'bearer', 'dpop'] as const;

const METHODS = ['get', 'put', 'patch', 'delete'] as const;

/** Written before it is known which resource is meant, and so never in the errorFormat of one. */
const OF_ANY_REQUEST = ['misdirected_request'] as const;

/** Of every operation that takes a token: the introduction says so once. */
const GENERAL: ReadonlySet<ErrorCode> = new Set(GUARDED);

const NOT_MODIFIED: ZodOpenApiResponseObject = {
  id: 'NotModified',
  description: 'The caller already has this representation. The headers are those of 200; there is no body.',
};

export function createPaths(endpoints: readonly Endpoint[]): ZodOpenApiPathsObject {
  const used = { problem: new Set<ErrorCode>(OF_ANY_REQUEST), auth0: new Set<ErrorCode>() };
  for (const endpoint of endpoints) {
    const { errorFormat = 'problem' } = endpoint;
    for (const [, { errors }] of getOperations(endpoint))
      for (const code of errors) used[errorFormat].add(code);
  }
  const errorAnswers = createErrorAnswers(used);
  return Object.fromEntries(
    endpoints.map((endpoint) => [endpoint.path, createPathItem(endpoint, errorAnswers)]),
  );
}

function getOperations(endpoint: Endpoint) {
  return METHODS.flatMap((method) => {
    const operation = endpoint[method];
    return operation === undefined ? [] : [[method, operation] as const];
  });
}

function createPathItem(endpoint: Endpoint, errorAnswers: ErrorAnswers): ZodOpenApiPathsObject[string] {
  const { tag, params, errorFormat = 'problem' } = endpoint;
  const requestParams = params === undefined ? {} : { path: params };
  return Object.fromEntries(
    getOperations(endpoint).map(([method, operation]) => [
      method,
      { tags: [tag], ...describe(operation, errorFormat, errorAnswers, requestParams) },
    ]),
  );
}

function describe(
  { id, summary, description, scopes, query, requestHeaders: fields, body, answers, errors }: Operation,
  errorFormat: ErrorFormat,
  errorAnswers: ErrorAnswers,
  pathParams: NonNullable<ZodOpenApiOperationObject['requestParams']>,
): ZodOpenApiOperationObject {
  const listed = [...errorAnswers.list(errors, errorFormat), ...errorAnswers.list(OF_ANY_REQUEST, 'problem')];
  const own = errorAnswers.list(
    errors.filter((code) => !GENERAL.has(code)),
    errorFormat,
  );
  const refused = [...new Set(own.map(({ code, status }) => `\`${code}\` (${status})`))];
  const refusals = refused.length === 0 ? [] : [`Refused with ${refused.join(', ')}.`];
  return {
    operationId: id,
    summary,
    description: [description, ...refusals].join('\n\n'),
    // Alternatives: any scheme with any of the scopes.
    security: SCHEMES.flatMap((scheme) => (scopes ?? []).map((scope) => ({ [scheme]: [scope] }))),
    requestParams: { ...pathParams, ...(query === undefined ? {} : { query }) },
    parameters: referToRequestHeaders(fields),
    ...(body === undefined ? {} : { requestBody: { required: true, content: body } }),
    responses: {
      ...Object.fromEntries(answers.map((answer) => [answer.status, toResponse(answer)])),
      ...errorAnswers.refer(errors, errorFormat),
      ...errorAnswers.refer(OF_ANY_REQUEST, 'problem'),
    },
    'x-error-codes': [...new Set(listed.map(({ code }) => code))],
  };
}

function toResponse(answer: Answer): ZodOpenApiResponseObject {
  if (answer.status === 304) return NOT_MODIFIED;
  const { description, headers, content } = answer;
  return {
    description,
    headers: referToResponseHeaders(headers),
    ...(content === undefined ? {} : { content }),
  };
}

export interface DocumentOptions extends EndpointsOptions {
  readonly audience: string;
  readonly issuers: readonly string[];
  /** Addresses at which callers reach the service, if any are configured. */
  readonly publicUrls: readonly string[];
  /** By scope: the keys that it opens. */
  readonly scopedKeys: Readonly<Record<string, ScopedKeys>>;
  /** The operator's own words, in Markdown, which open the description. */
  readonly docsNote?: string | undefined;
  /** The operator's JSON Schema of `user_metadata`, if there is one. */
  readonly metadataSchema: JsonObject | undefined;
}

/** Of this interface: raised when what a caller may rely on changes. */
const API_VERSION = '1.0.0';

// Generators of types take an object without members for one that may have none.
const ANY_OBJECT: JsonObject = {
  type: 'object',
  description: 'Any object: the operator has set no schema.',
  additionalProperties: true,
};

const INTRODUCTION = `Lets the users of an app read and change their own profile metadata. The user is always the
subject of the access token.

**Methods.** HEAD works wherever GET does, and answers the same headers without a body. OPTIONS lists the methods of a
resource in \`Allow\`, and where PATCH is one of them its media types in \`Accept-Patch\`. Any other method is 405
\`method_not_allowed\`, with \`Allow\`. An unknown path is 404 \`route_not_found\`.

**Errors.** Each error is a problem document (RFC 9457). Decide by \`code\`, show \`detail\`, and quote \`request_id\` in a
report. \`x-error-codes\` lists the codes of an operation. Every operation that takes a token may refuse the token (401,
403), count against a limit (429), and say that the identity provider or this service fails (500, 502, 503, 504); its
description names the other codes. Headers that are too large are 431 \`headers_too_large\`. A service that is shutting
down may answer 503 \`draining\`.

**Headers of errors.** Each error has \`X-Request-Id\`, \`Vary\` and \`Cache-Control: no-store\`, and for a known caller
\`RateLimit\` and \`RateLimit-Policy\`. An answer below lists only the headers beside these.`;

const TAGS = [
  { name: 'Metadata', description: 'The caller’s own user_metadata.' },
  { name: 'Profile', description: 'What else the caller may know of their profile.' },
  { name: 'Application', description: 'Settings of the application that the caller uses.' },
  {
    name: 'Management API',
    description: 'A drop-in for code that calls the Management API with a user’s token.',
  },
  { name: 'This service', description: 'Documents that need no token.' },
];

/** The document as JSON text, in the order of the table. */
export function createOpenApiDocument(options: DocumentOptions): string {
  const { metadataSchema = ANY_OBJECT, publicUrls, docsNote } = options;
  const table = createEndpoints(options);
  const used = new Set(table.map(({ tag }) => tag));
  const { components, ...document } = createDocument(
    {
      openapi: '3.1.1',
      info: {
        title: 'metadata-bff',
        version: API_VERSION,
        description: docsNote === undefined ? INTRODUCTION : `${docsNote}\n\n${INTRODUCTION}`,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: (publicUrls.length > 0 ? publicUrls : ['/']).map((url) => ({ url })),
      tags: TAGS.filter(({ name }) => used.has(name)),
      paths: createPaths(table),
      components: {
        headers: createHeaderComponents(),
        parameters: createParameterComponents(),
        securitySchemes: createSecuritySchemes(options),
      },
    },
    // A check in code that JSON Schema has no words for leaves the description as wide as it is.
    { allowEmptySchema: { custom: true } },
  );
  const UserMetadata = relocateSchema(metadataSchema, '#/components/schemas/UserMetadata');
  const schemas = { ...components?.schemas, UserMetadata };
  return JSON.stringify({ ...document, components: { ...components, schemas } });
}

function describeKeys({ readable, writable }: ScopedKeys): string {
  const change = writable.length === 0 ? '' : ` Change ${quoteAll(writable)}.`;
  return `Of their own user_metadata: read ${quoteAll(readable)}.${change}`;
}

function quoteAll(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

function createSecuritySchemes({ audience, issuers, scopes, scopedKeys, compat }: DocumentOptions) {
  // All are domains of one tenant, so a client may use any.
  const [issuer = ''] = issuers;
  const quoted = issuers.map((each) => `\`${each}\``).join(' or ');
  const token = `An access token of ${quoted} for the audience \`${audience}\``;
  const named = {
    [scopes.readMetadata]: 'Read their own user_metadata.',
    [scopes.updateMetadata]: 'Change their own user_metadata.',
    [scopes.readAppMetadata]: 'Read what is shown of their own app_metadata.',
    [scopes.readClientMetadata]: 'Read what is shown of the application’s client_metadata.',
    ...Object.fromEntries(Object.entries(scopedKeys).map(([scope, keys]) => [scope, describeKeys(keys)])),
    ...(compat
      ? Object.fromEntries(
          [...READ_SCOPES, ...UPDATE_SCOPES].map((scope) => [scope, 'As at the Management API.']),
        )
      : {}),
  };
  return {
    oauth2: {
      type: 'oauth2',
      description: `${token}, by the authorization code flow with PKCE.`,
      flows: {
        authorizationCode: {
          authorizationUrl: `${issuer}authorize`,
          tokenUrl: `${issuer}oauth/token`,
          scopes: named,
        },
      },
    },
    bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: `${token}.` },
    dpop: { type: 'http', scheme: 'dpop', description: `${token}, bound to a key (RFC 9449).` },
  } as const satisfies Record<(typeof SCHEMES)[number], oas31.SecuritySchemeObject>;
}
