/**
 * Every environment variable: what it means, its default, and what it may hold. The documentation's table and
 * `.env.example` are held equal to this one by tests.
 */
import { z } from 'zod';
import { ACCESS_VARIABLES } from './access.ts';
import { ADDRESS_VARIABLES } from './addresses.ts';
import {
  aesKey,
  budget,
  clientId,
  clientIds,
  domain,
  flag,
  integer,
  issuerUrls,
  listenAddress,
  proxyUrl,
  text,
  url,
} from './fields.ts';
import { REDIS_VARIABLES } from './redis.ts';
import { OBSERVABILITY_VARIABLES } from './observability-variables.ts';

export interface Variable<T> {
  /** What an operator needs to know, in one or two sentences. */
  readonly description: string;
  /** Used when the variable is unset or empty. */
  readonly default?: string;
  /** Has no default and must be set, but for what load.ts makes an exception of. */
  readonly required?: true;
  /** May be given as `NAME_FILE` instead, and never appears in any output. */
  readonly secret?: true;
  /** From the text of the variable; a fault's message never repeats the text. */
  readonly schema: z.ZodType<T, string>;
}

export const VARIABLES = {
  HOST: { description: 'Address of the public listener.', default: '0.0.0.0', schema: listenAddress },
  PORT: { description: 'Port of the public listener.', default: '3000', schema: integer(0, 65_535) },
  OPS_HOST: {
    description: 'Address of the operations listener (`/livez`, `/readyz`, `/metrics`).',
    default: '127.0.0.1',
    schema: listenAddress,
  },
  OPS_PORT: { description: 'Port of the operations listener.', default: '9400', schema: integer(0, 65_535) },
  AUDIENCE: {
    description: 'Identifier of this API in Auth0. Access tokens must be issued for it.',
    required: true,
    schema: text,
  },
  AUTH0_DOMAIN: {
    description: 'The tenant, such as `tenant.eu.auth0.com`: its canonical domain, not a custom one.',
    required: true,
    schema: domain,
  },
  ISSUER_BASE_URL: {
    description:
      'Issuer of the access tokens; differs from `https://AUTH0_DOMAIN` with a custom domain. Several domains of the one tenant are separated by commas.',
    schema: issuerUrls,
  },
  JWKS_URI: {
    description:
      'Where the signing keys are. Unset, the issuer’s discovery document tells. Not with several issuers.',
    schema: url,
  },
  AUTH0_CLIENT_ID: { description: 'The machine-to-machine application.', required: true, schema: clientId },
  AUTH0_CLIENT_SECRET: {
    description: 'Its secret. Give this or `AUTH0_CLIENT_SIGNING_KEY_PATH`.',
    secret: true,
    schema: text,
  },
  AUTH0_CLIENT_SIGNING_KEY_PATH: {
    description: 'File with its private key (PKCS#8 PEM), for `private_key_jwt` in place of a secret.',
    schema: text,
  },
  AUTH0_CLIENT_SIGNING_ALGORITHM: {
    description: 'Algorithm of that key.',
    default: 'RS256',
    schema: z.enum(
      ['RS256', 'RS384', 'PS256', 'PS384', 'ES256', 'ES384'],
      'must be one of RS256, RS384, PS256, PS384, ES256, ES384',
    ),
  },
  AUTH0_MANAGEMENT_URL: {
    description: 'Base of the tenant for tests and local tenants, in place of `https://AUTH0_DOMAIN`.',
    schema: url,
  },
  AUTH_PERMISSIONS_CLAIM: {
    description: 'Whether entries of the `permissions` claim (Auth0 RBAC) count as scopes.',
    default: 'false',
    schema: flag,
  },
  ALLOWED_CLIENTS: {
    description: 'Client ids whose tokens are accepted, separated by commas. Empty: all of the audience.',
    default: '',
    schema: clientIds,
  },
  ...ADDRESS_VARIABLES,
  ...ACCESS_VARIABLES,
  POLICY_FILE: {
    description: 'The policy: scope names, the schema of `user_metadata`, limits, and who may read what.',
    default: 'config/policy.json',
    schema: text,
  },
  AUTH0_COMPAT: {
    description: 'Whether `/api/v2/users/{id}` answers as a drop-in for the Management API.',
    default: 'false',
    schema: flag,
  },
  AUTH0_EVENTS: {
    description: 'Whether changes made elsewhere are learnt from Auth0’s Events API.',
    default: 'false',
    schema: flag,
  },
  DOCS: {
    description: 'Whether `/docs` serves the page that shows `/openapi.json`.',
    default: 'true',
    schema: flag,
  },
  USER_METADATA_MAX_BYTES: {
    description: 'Largest metadata document, in bytes of JSON. Auth0 caps the whole profile at 10 KB.',
    default: '8192',
    schema: integer(2, 1_000_000),
  },
  REQUIRE_IF_MATCH: {
    description: 'Whether every write must carry `If-Match` or `If-None-Match`.',
    default: 'false',
    schema: flag,
  },
  CACHE_TTL_SECONDS: {
    description: 'How long a cached profile is fresh.',
    default: '60',
    schema: integer(0, 86_400),
  },
  CACHE_STALE_SECONDS: {
    description: 'How long after that it is served while one read refreshes it.',
    default: '600',
    schema: integer(0, 604_800),
  },
  CACHE_STALE_IF_ERROR_SECONDS: {
    description: 'How long after that it is served when Auth0 cannot answer.',
    default: '3600',
    schema: integer(0, 604_800),
  },
  CACHE_CLIENT_TTL_SECONDS: {
    description: 'How long the `client_metadata` of an application is fresh.',
    default: '300',
    schema: integer(0, 86_400),
  },
  CACHE_ENCRYPTION_KEY: {
    description:
      '32 bytes in base64 that encrypt metadata in Redis (AES-256-GCM). Unset, it is stored plain.',
    secret: true,
    schema: aesKey,
  },
  CACHE_ENCRYPTION_KEY_PREVIOUS: {
    description: 'The key before the current one: values it sealed can still be read while keys rotate.',
    secret: true,
    schema: aesKey,
  },
  CACHE_HASH_KEY: {
    description:
      'Secret that hides user ids in Redis, the same on every replica. Unset, it follows from the client’s credential, so set it to rotate that without a moment in which replicas do not see each other.',
    secret: true,
    schema: text.min(16, 'must have at least 16 characters'),
  },
  ...REDIS_VARIABLES,
  UPSTREAM_BUDGET: {
    description:
      'Request budget of the tenant: `free`, `self-service`, `enterprise-nonprod`, `enterprise`, or `burst/per-second` such as `10/2`. Unset, only the tenant’s own `x-ratelimit-*` hold requests back.',
    schema: budget,
  },
  UPSTREAM_WAIT_MS: {
    description: 'Longest wait of a request for that budget, in milliseconds.',
    default: '2000',
    schema: integer(0, 60_000),
  },
  UPSTREAM_TIMEOUT_MS: {
    description: 'Longest wait for one answer of Auth0, in milliseconds.',
    default: '5000',
    schema: integer(50, 60_000),
  },
  UPSTREAM_PROXY_URL: {
    description:
      'HTTP proxy through which Auth0 is reached (CONNECT), such as `http://user:password@proxy.example.com:3128`. Unset, Auth0 is reached directly, whatever `HTTPS_PROXY` says.',
    secret: true,
    schema: proxyUrl,
  },
  LEAST_PRIVILEGE: {
    description:
      'What happens when the machine client holds scopes that nothing needs: `warn`, or `enforce` to refuse to start.',
    default: 'warn',
    schema: z.enum(['warn', 'enforce'], 'must be warn or enforce'),
  },
  LOG_LEVEL: {
    description: 'Least severe lines that are written: `debug`, `info`, `warn`, `error` or `silent`.',
    default: 'info',
    schema: z.enum(
      ['debug', 'info', 'warn', 'error', 'silent'],
      'must be debug, info, warn, error or silent',
    ),
  },
  ...OBSERVABILITY_VARIABLES,
} as const satisfies Readonly<Record<string, Variable<unknown>>>;

export type VariableName = keyof typeof VARIABLES;
