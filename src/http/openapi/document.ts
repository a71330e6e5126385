/**
 * The OpenAPI document, made from the table and from the schemas that validate requests. The
 * operator's own schema stands in it as the component `UserMetadata`.
 */
import { createDocument, type oas31 } from 'zod-openapi';
import type { JsonObject } from '../../lib/json.ts';
import { READ_SCOPES, UPDATE_SCOPES } from '../routes/compat.ts';
import { endpoints, type EndpointsOptions } from './endpoints.ts';
import { headerComponents, parameterComponents } from './headers.ts';
import { relocatedSchema } from './operator-schema.ts';
import { createPaths, OPTIONS_TAG, type SCHEMES } from './paths.ts';

export interface DocumentOptions extends EndpointsOptions {
  readonly audience: string;
  readonly issuers: readonly string[];
  /** Addresses at which callers reach the service, if any are configured. */
  readonly publicUrls: readonly string[];
  /** The operator's JSON Schema of `user_metadata`, if there is one. */
  readonly metadataSchema: JsonObject | undefined;
}

/** Of this interface: raised when what a caller may rely on changes. */
const API_VERSION = '1.0.0';

const ANY_OBJECT: JsonObject = { type: 'object', description: 'Any object: the operator asks for nothing.' };

const INTRODUCTION = `Lets the users of an app read and change their own profile metadata. The user is always the
subject of the access token.

- HEAD goes wherever GET does, and answers the same header fields without a body.
- OPTIONS lists the methods of a resource; any other is 405 \`method_not_allowed\` with \`Allow\`.
- An unknown path is 404 \`route_not_found\`. Header fields that are too large are 431 \`headers_too_large\`. A service that
  is shutting down may answer 503 \`draining\`.
- Errors are problem documents (RFC 9457): decide by \`code\`, quote \`request_id\` in a report.`;

const TAGS = [
  { name: 'Metadata', description: 'The caller’s own user_metadata.' },
  { name: 'Profile', description: 'What else the caller may know of their profile.' },
  { name: 'Application', description: 'Settings of the application that the caller uses.' },
  {
    name: 'Management API',
    description: 'A drop-in for code that calls the Management API with a user’s token.',
  },
  { name: 'This service', description: 'Documents that anybody may read.' },
  { name: OPTIONS_TAG, description: 'What each resource can do.' },
];

/** The document as JSON text, in the order of the table. */
export function createOpenApiDocument(options: DocumentOptions): string {
  const { metadataSchema = ANY_OBJECT, publicUrls } = options;
  const table = endpoints(options);
  const used = new Set([OPTIONS_TAG, ...table.map(({ tag }) => tag)]);
  const { components, ...document } = createDocument(
    {
      openapi: '3.1.1',
      info: {
        title: 'metadata-bff',
        version: API_VERSION,
        description: INTRODUCTION,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: (publicUrls.length > 0 ? publicUrls : ['/']).map((url) => ({ url })),
      tags: TAGS.filter(({ name }) => used.has(name)),
      paths: createPaths(table),
      components: {
        headers: headerComponents(),
        parameters: parameterComponents(),
        securitySchemes: securitySchemes(options),
      },
    },
    // A check in code that JSON Schema has no words for leaves the description as wide as it is.
    { allowEmptySchema: { custom: true } },
  );
  const UserMetadata = relocatedSchema(metadataSchema, '#/components/schemas/UserMetadata');
  const schemas = { ...components?.schemas, UserMetadata };
  return JSON.stringify({ ...document, components: { ...components, schemas } });
}

function securitySchemes({ audience, issuers, scopes, compat }: DocumentOptions) {
  // All are domains of one tenant, so a client may use any.
  const [issuer = ''] = issuers;
  const token = `An access token of ${issuers.map((each) => `\`${each}\``).join(' or ')} for the audience \`${audience}\``;
  const named = {
    [scopes.readMetadata]: 'Read their own user_metadata.',
    [scopes.updateMetadata]: 'Change their own user_metadata.',
    [scopes.readAppMetadata]: 'Read what is shown of their own app_metadata.',
    [scopes.readClientMetadata]: 'Read what is shown of the application’s client_metadata.',
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
