/**
 * The table of environment variables: what each one means, its default, what it may hold, and its name in the
 * configuration. Everything else follows from it: the types, what is read, the documentation and `.env.example`.
 */
import type { z } from 'zod';
import {
  aesKey,
  auditLog,
  budget,
  clientId,
  clientIds,
  collectorUrl,
  domain,
  flag,
  flagAnyCase,
  headerNames,
  integer,
  issuerUrls,
  listenAddress,
  logLevel,
  networks,
  oneOf,
  oneOfAnyCase,
  origins,
  proxyUrl,
  publicUrls,
  ratio,
  redisUrl,
  text,
  url,
} from './parsers.ts';

export interface Variable<T> {
  /** What an operator needs to know, in one or two sentences. */
  readonly description: string;
  /** The name of its value in the configuration. Without one, other parts of the configuration follow from it. */
  readonly key?: string;
  /** Used when the variable is unset or empty. */
  readonly default?: string;
  /** Has no default and must be set, unless all of these are. */
  readonly required?: true | { readonly unless: readonly string[] };
  /** May be given as `NAME_FILE` instead, and never appears in any output. */
  readonly secret?: true;
  /** Whether an invalid value is a warning, and the default is used. */
  readonly lenient?: true;
  /** From the text of the variable to its value. The message of an error never repeats the text. */
  readonly schema: z.ZodType<T, string>;
}

export const VARIABLES = {
  HOST: {
    key: 'host',
    description: 'Address of the public listener.',
    default: '0.0.0.0',
    schema: listenAddress,
  },
  PORT: {
    key: 'port',
    description: 'Port of the public listener.',
    default: '3000',
    schema: integer(0, 65_535),
  },
  OPS_HOST: {
    key: 'opsHost',
    description: 'Address of the operations listener (`/livez`, `/readyz`, `/metrics`).',
    default: '127.0.0.1',
    schema: listenAddress,
  },
  OPS_PORT: {
    key: 'opsPort',
    description: 'Port of the operations listener.',
    default: '9400',
    schema: integer(0, 65_535),
  },
  AUDIENCE: {
    key: 'audience',
    description: 'Identifier of this API in Auth0. Access tokens must be issued for it.',
    required: true,
    schema: text,
  },
  AUTH0_DOMAIN: {
    description: 'The tenant, such as `tenant.eu.auth0.com`: its canonical domain, not a custom one.',
    // With both addresses given, as for a local tenant, nothing follows from the domain.
    required: { unless: ['ISSUER_BASE_URL', 'AUTH0_MANAGEMENT_URL'] },
    schema: domain,
  },
  ISSUER_BASE_URL: {
    description:
      'Issuer of the access tokens; differs from `https://AUTH0_DOMAIN` with a custom domain. Several ' +
      'domains of the one tenant are separated by commas.',
    schema: issuerUrls,
  },
  JWKS_URI: {
    key: 'jwksUri',
    description:
      'Address of the signing keys. Unset, it is read from the issuer’s discovery document. Not with ' +
      'several issuers.',
    schema: url,
  },
  AUTH0_CLIENT_ID: {
    key: 'clientId',
    description: 'The machine-to-machine application.',
    required: true,
    schema: clientId,
  },
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
    schema: oneOf(['RS256', 'RS384', 'PS256', 'PS384', 'ES256', 'ES384']),
  },
  AUTH0_MANAGEMENT_URL: {
    description: 'Base of the tenant for tests and local tenants, in place of `https://AUTH0_DOMAIN`.',
    schema: url,
  },
  AUTH_PERMISSIONS_CLAIM: {
    key: 'permissionsClaim',
    description: 'Whether entries of the `permissions` claim (Auth0 RBAC) count as scopes.',
    default: 'false',
    schema: flag,
  },
  ALLOWED_CLIENTS: {
    key: 'allowedClients',
    description: 'Client ids whose tokens are accepted, separated by commas. Empty: all of the audience.',
    default: '',
    schema: clientIds,
  },
  PUBLIC_URL: {
    description:
      'Addresses at which clients reach the service, separated by commas, such as ' +
      '`https://app.example.com/api/profile`. Requests for another host are refused (421). DPoP proofs ' +
      'and links are for these addresses. Required with `DPOP_REQUIRED`.',
    schema: publicUrls,
  },
  PUBLIC_HEALTH: {
    key: 'publicHealth',
    description:
      'Whether `/livez` and `/readyz` answer on the public listener as well, for hosts that open one port.',
    default: 'false',
    schema: flag,
  },
  CORS_ORIGINS: {
    key: 'corsOrigins',
    description:
      'Origins whose pages may call, separated by commas. `https://*.example.com` is each subdomain, ' +
      'one label deep; apps have origins such as `capacitor://localhost`.',
    default: '',
    schema: origins,
  },
  CORS_ALLOWED_HEADERS: {
    key: 'corsAllowedHeaders',
    description:
      'Request headers that those pages may send beside the ones that the service reads, separated by ' +
      'commas, such as `baggage,sentry-trace`.',
    default: '',
    schema: headerNames,
  },
  TRUSTED_PROXIES: {
    key: 'trustedProxies',
    description: 'Addresses or networks of reverse proxies whose `X-Forwarded-*` headers are trusted.',
    default: '',
    schema: networks,
  },
  USER_READS_PER_MINUTE: {
    key: 'userReadsPerMinute',
    description: 'Reads that one user may send to a replica in a minute. 0: any number.',
    default: '120',
    schema: integer(0, 1_000_000),
  },
  USER_WRITES_PER_MINUTE: {
    key: 'userWritesPerMinute',
    description:
      'Writes, and reads that ask for `Cache-Control: no-cache`, that one user may send in a minute, ' +
      'to all replicas together. 0: any number.',
    default: '30',
    schema: integer(0, 1_000_000),
  },
  AUTH_FAILURES_PER_MINUTE: {
    key: 'authFailuresPerMinute',
    description:
      'Refused tokens and DPoP proofs of one address (IPv6: its /64) in a minute, after which its ' +
      'requests are answered 429 without verification. 0: any number.',
    default: '600',
    schema: integer(0, 1_000_000),
  },
  DPOP_REQUIRED: {
    key: 'dpopRequired',
    description: 'Whether bearer tokens are refused, so that every token must be bound to a key (RFC 9449).',
    default: 'false',
    schema: flag,
  },
  POLICY_FILE: {
    description: 'The policy: scope names, the schema of `user_metadata`, limits, and who may read what.',
    default: 'config/policy.json',
    schema: text,
  },
  AUTH0_COMPAT: {
    key: 'auth0Compat',
    description: 'Whether `/api/v2/users/{id}` answers as a drop-in for the Management API.',
    default: 'false',
    schema: flag,
  },
  AUTH0_EVENTS: {
    key: 'auth0Events',
    description: 'Whether changes made elsewhere are received from Auth0’s Events API.',
    default: 'false',
    schema: flag,
  },
  DOCS: {
    key: 'docs',
    description: 'Whether `/docs` serves the page that shows `/openapi.json`.',
    default: 'true',
    schema: flag,
  },
  DOCS_NOTE: {
    key: 'docsNote',
    description:
      'Markdown of one line that opens the description in `/openapi.json` and so the page, such as where ' +
      'developers get a token.',
    schema: text,
  },
  USER_METADATA_MAX_BYTES: {
    key: 'maxMetadataBytes',
    description: 'Largest metadata document, in bytes of JSON. Auth0 caps the whole profile at 10 KB.',
    default: '8192',
    schema: integer(2, 1_000_000),
  },
  REQUIRE_IF_MATCH: {
    key: 'requireIfMatch',
    description: 'Whether every write must carry `If-Match` or `If-None-Match`.',
    default: 'false',
    schema: flag,
  },
  CACHE_TTL_SECONDS: {
    key: 'cacheTtlSeconds',
    description: 'How long a cached profile is fresh.',
    default: '60',
    schema: integer(0, 86_400),
  },
  CACHE_STALE_SECONDS: {
    key: 'cacheStaleSeconds',
    description: 'How long after that it is served while one read refreshes it.',
    default: '600',
    schema: integer(0, 604_800),
  },
  CACHE_STALE_IF_ERROR_SECONDS: {
    key: 'cacheStaleIfErrorSeconds',
    description: 'How long after that it is served when Auth0 cannot answer.',
    default: '3600',
    schema: integer(0, 604_800),
  },
  CACHE_CLIENT_TTL_SECONDS: {
    key: 'cacheClientTtlSeconds',
    description: 'How long the `client_metadata` of an application is fresh.',
    default: '300',
    schema: integer(0, 86_400),
  },
  CACHE_ENCRYPTION_KEY: {
    description:
      '32 bytes in base64 that encrypt metadata in Redis (AES-256-GCM). Unset, it is stored in plain text.',
    secret: true,
    schema: aesKey,
  },
  CACHE_ENCRYPTION_KEY_PREVIOUS: {
    description:
      'The key before the current one: values that it encrypted can still be read while keys rotate.',
    secret: true,
    schema: aesKey,
  },
  CACHE_HASH_KEY: {
    key: 'cacheHashKey',
    description:
      'Secret that hides user ids in Redis, the same on every replica. Unset, it follows from the ' +
      'client’s credential, so set it to rotate that without a moment in which replicas do not see ' +
      'each other.',
    secret: true,
    schema: text.min(16, 'must have at least 16 characters'),
  },
  REDIS_URL: {
    description:
      'Redis or Valkey that replicas share: `redis://user:password@host:6379/0`, ' +
      '`redis+sentinel://host:26379,host:26379/master-name`, `redis+cluster://host:6379,host:6379`, or ' +
      'the same with `rediss` for TLS. Unset, each process is on its own.',
    secret: true,
    schema: redisUrl,
  },
  REDIS_CA_FILE: {
    description:
      'Certificates (PEM) of the authorities that Redis may be certified by, in place of Node’s own.',
    schema: text,
  },
  REDIS_CERT_FILE: {
    description: 'Certificate (PEM) for a Redis that asks for one, with `REDIS_KEY_FILE`.',
    schema: text,
  },
  REDIS_KEY_FILE: { description: 'Private key (PEM) of that certificate.', schema: text },
  REDIS_TIMEOUT_MS: {
    key: 'redisTimeoutMs',
    description: 'Longest wait for one command to Redis, in milliseconds.',
    default: '500',
    schema: integer(50, 10_000),
  },
  WRITE_WITHOUT_LOCK: {
    key: 'writeWithoutLock',
    description:
      'What happens to writes when Redis has not answered for longer than a write lock lasts: `allow` ' +
      'them, in order within each process only, or `refuse` them (503 `lock_unavailable`).',
    default: 'allow',
    schema: oneOf(['allow', 'refuse']),
  },
  UPSTREAM_BUDGET: {
    key: 'upstreamBudget',
    description:
      'Request budget of the tenant: `free`, `self-service`, `enterprise-nonprod`, `enterprise`, or ' +
      '`burst/per-second` such as `10/2`. Unset, only the tenant’s own `x-ratelimit-*` hold requests ' +
      'back.',
    schema: budget,
  },
  UPSTREAM_WAIT_MS: {
    key: 'upstreamWaitMs',
    description: 'Longest wait of a request for that budget, in milliseconds.',
    default: '2000',
    schema: integer(0, 60_000),
  },
  UPSTREAM_TIMEOUT_MS: {
    key: 'upstreamTimeoutMs',
    description: 'Longest wait for one answer of Auth0, in milliseconds.',
    default: '5000',
    schema: integer(50, 60_000),
  },
  UPSTREAM_PROXY_URL: {
    key: 'upstreamProxyUrl',
    description:
      'HTTP proxy through which Auth0 is reached (CONNECT), such as ' +
      '`http://user:password@proxy.example.com:3128`. Unset, Auth0 is reached directly, and ' +
      '`HTTPS_PROXY` is ignored.',
    secret: true,
    schema: proxyUrl,
  },
  LEAST_PRIVILEGE: {
    key: 'leastPrivilege',
    description:
      'What happens when the machine client holds scopes that nothing needs: `warn`, or `enforce` to ' +
      'refuse to start.',
    default: 'warn',
    schema: oneOf(['warn', 'enforce']),
  },
  LOG_LEVEL: {
    key: 'logLevel',
    description: 'Least severe lines that are written: `debug`, `info`, `warn`, `error` or `silent`.',
    default: 'info',
    schema: logLevel,
  },
  AUDIT_LOG: {
    key: 'auditLog',
    description:
      'Where the audit of writes goes: `stdout`, among the log lines; `off`; or the path of a file, ' +
      'with at least one `/`.',
    default: 'stdout',
    schema: auditLog,
  },
  // The variables of OpenTelemetry mean what its specification says (Environment Variable Specification, type-specific
  // guidance): words in any case, and an invalid value is a warning. Its exporter reads more of them itself.
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    description: 'Base of an OpenTelemetry collector (OTLP over HTTP). Setting it turns traces on.',
    lenient: true,
    schema: collectorUrl,
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    description: 'The whole address for traces, in place of `/v1/traces` below that base.',
    lenient: true,
    schema: collectorUrl,
  },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    description: 'Only OTLP over HTTP is supported; `grpc` is ignored with a warning.',
    lenient: true,
    schema: oneOfAnyCase(['http/json', 'http/protobuf']),
  },
  OTEL_SDK_DISABLED: {
    description: 'Turns traces off, regardless of the others.',
    default: 'false',
    lenient: true,
    schema: flagAnyCase,
  },
  OTEL_SERVICE_NAME: {
    description: 'Name of this service in traces. Unset, `metadata-bff`.',
    lenient: true,
    schema: text,
  },
  OTEL_TRACES_EXPORTER: {
    description: '`none` turns traces off. Others than `otlp` are ignored with a warning.',
    default: 'otlp',
    lenient: true,
    schema: oneOfAnyCase(['otlp', 'none']),
  },
  OTEL_TRACES_SAMPLER: {
    description:
      'Which requests are traced. The default follows the caller’s `traceparent`, and traces all that ' +
      'come without one.',
    default: 'parentbased_always_on',
    lenient: true,
    schema: oneOfAnyCase([
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ]),
  },
  OTEL_TRACES_SAMPLER_ARG: {
    description: 'The share that the samplers by ratio take, from 0 to 1.',
    default: '1',
    lenient: true,
    schema: ratio,
  },
} as const satisfies Readonly<Record<string, Variable<unknown>>>;

type Table = typeof VARIABLES;
export type VariableName = keyof Table;
type Value<N extends VariableName> = z.output<Table[N]['schema']>;

/** The values by the name of their variable. One that is unset without a default, or invalid, is undefined. */
export type Values = {
  readonly [N in VariableName]: Table[N] extends { readonly lenient: true; readonly default: string }
    ? Value<N>
    : Value<N> | undefined;
};

/** The values by their `key`, of a configuration without errors. */
export type Settings = {
  readonly [N in VariableName as Table[N] extends { readonly key: infer K extends string }
    ? K
    : never]: Table[N] extends { readonly default: string } | { readonly required: true }
    ? Value<N>
    : Value<N> | undefined;
};
