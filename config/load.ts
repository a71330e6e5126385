/**
 * From the environment to a frozen Config, or to one error that lists every fault at once. Faults name
 * variables, never their values.
 */
import { type AccessConfig, readAccess } from './access.ts';
import { findConflicts } from './conflicts.ts';
import { type AddressConfig, readAddresses } from './addresses.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import { describeWrapping } from './fields.ts';
import { type ObservabilitySettings, readObservability } from './observability.ts';
import { loadPolicy, type Policy } from './policy.ts';
import { type ReadFile, readText } from './read-text.ts';
import { type RedisSettings, readRedis } from './redis.ts';
import { VARIABLES, type Variable, type VariableName } from './schema.ts';
import { describeUnknownNames, isServiceAddress } from './unknown-names.ts';

export interface Config extends AccessConfig, AddressConfig {
  readonly host: string;
  readonly port: number;
  readonly opsHost: string;
  readonly opsPort: number;
  readonly audience: string;
  /** Of one tenant, each with a trailing slash, as Auth0 writes it in `iss`. At least one. */
  readonly issuers: readonly string[];
  readonly jwksUri: string | undefined;
  /** Base of the tenant without a trailing slash; the token endpoint and `/api/v2` are below it. */
  readonly tenantUrl: string;
  readonly clientId: string;
  readonly credentials: Credentials;
  readonly permissionsClaim: boolean;
  readonly allowedClients: readonly string[];
  readonly policy: Policy;
  readonly auth0Compat: boolean;
  readonly auth0Events: boolean;
  /** Whether the page that shows the OpenAPI document is served. */
  readonly docs: boolean;
  readonly metadataBytesMax: number;
  readonly requireIfMatch: boolean;
  readonly cacheTtlSeconds: number;
  readonly cacheStaleSeconds: number;
  readonly cacheStaleIfErrorSeconds: number;
  readonly cacheClientTtlSeconds: number;
  /** Undefined: each process is on its own. */
  readonly redis: RedisSettings | undefined;
  /** The first seals, all open; none: values stay plain. */
  readonly cacheEncryptionKeys: readonly Uint8Array[];
  readonly cacheHashKey: string | undefined;
  readonly upstreamBudget:
    | 'free'
    | 'self-service'
    | 'enterprise-nonprod'
    | 'enterprise'
    | { readonly burst: number; readonly perSecond: number }
    | undefined;
  readonly upstreamWaitMs: number;
  readonly upstreamTimeoutMs: number;
  /** With its credentials. */
  readonly upstreamProxyUrl: string | undefined;
  readonly leastPrivilege: 'warn' | 'enforce';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly observability: ObservabilitySettings;
  /** What is probably not meant, but does not stop the start. Safe to print: names of variables, never values. */
  readonly warnings: readonly string[];
}

/** Every fault of a configuration, and every warning. Safe to print. */
export class ConfigError extends Error {
  readonly faults: readonly string[];
  readonly warnings: readonly string[];

  constructor(faults: readonly string[], warnings: readonly string[]) {
    const noted = warnings.length > 0 ? `\nWarnings:${toLines(warnings)}` : '';
    super(`The configuration has ${faults.length} fault(s):${toLines(faults)}${noted}`);
    this.name = 'ConfigError';
    this.faults = faults;
    this.warnings = warnings;
  }
}

function toLines(items: readonly string[]): string {
  return items.map((item) => `\n  - ${item}`).join('');
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws ConfigError listing every fault. */
export function loadConfig(env: Environment, readFile: ReadFile): Config {
  const faults: string[] = [];
  const warnings = describeUnknownNames(env, KNOWN_NAMES);
  /** The value of a variable, or undefined where it is unset or faulty; a fault is added to `found`. */
  const optional = <T>(name: VariableName, variable: Variable<T>, found = faults): T | undefined => {
    const given = textOf(name, variable, { env, readFile, faults, warnings });
    if (given === undefined) return undefined;
    const result = variable.schema.safeParse(given);
    const wrapping = describeWrapping(given);
    // The items of a list are trimmed, so that spaces are no part of them.
    if (result.success && (wrapping === undefined || Array.isArray(result.data))) return result.data;
    found.push(`${name}: ${wrapping ?? result.error?.issues[0]?.message ?? 'is not valid'}`);
    return undefined;
  };
  /** The same for one that must be there; the stand-in for a missing one never leaves this function. */
  const required = <T>(name: VariableName, variable: Variable<T>, standIn: T): T => {
    const before = faults.length;
    const value = optional(name, variable);
    if (value === undefined && faults.length === before) faults.push(`${name}: is required`);
    return value ?? standIn;
  };

  const given = optional('ISSUER_BASE_URL', VARIABLES.ISSUER_BASE_URL);
  const managementUrl = optional('AUTH0_MANAGEMENT_URL', VARIABLES.AUTH0_MANAGEMENT_URL);
  // With both addresses given, as for a local tenant, the domain has nothing left to say.
  const needsDomain = given === undefined || managementUrl === undefined;
  const domain = needsDomain
    ? required('AUTH0_DOMAIN', VARIABLES.AUTH0_DOMAIN, '')
    : optional('AUTH0_DOMAIN', VARIABLES.AUTH0_DOMAIN);

  const issuers = [...new Set((given ?? [`https://${domain}`]).map((url) => `${withoutSlash(url)}/`))];
  const jwksUri = optional('JWKS_URI', VARIABLES.JWKS_URI);
  if (issuers.length > 1 && jwksUri !== undefined) {
    faults.push(
      'JWKS_URI: must be unset where ISSUER_BASE_URL lists several issuers, each of which has keys of its own',
    );
  }

  const policyPath = required('POLICY_FILE', VARIABLES.POLICY_FILE, '');
  const policy = policyPath === '' ? undefined : loadPolicy(policyPath, readFile, faults);
  const config: Omit<Config, 'policy'> = {
    host: required('HOST', VARIABLES.HOST, ''),
    port: required('PORT', VARIABLES.PORT, 0),
    opsHost: required('OPS_HOST', VARIABLES.OPS_HOST, ''),
    opsPort: required('OPS_PORT', VARIABLES.OPS_PORT, 0),
    audience: required('AUDIENCE', VARIABLES.AUDIENCE, ''),
    issuers,
    jwksUri,
    tenantUrl: tenantUrlOf(managementUrl ?? `https://${domain}`),
    clientId: required('AUTH0_CLIENT_ID', VARIABLES.AUTH0_CLIENT_ID, ''),
    credentials: readCredentials(
      {
        secret: optional('AUTH0_CLIENT_SECRET', VARIABLES.AUTH0_CLIENT_SECRET),
        keyPath: optional('AUTH0_CLIENT_SIGNING_KEY_PATH', VARIABLES.AUTH0_CLIENT_SIGNING_KEY_PATH),
        algorithm: required(
          'AUTH0_CLIENT_SIGNING_ALGORITHM',
          VARIABLES.AUTH0_CLIENT_SIGNING_ALGORITHM,
          'RS256',
        ),
      },
      readFile,
      faults,
    ),
    permissionsClaim: required('AUTH_PERMISSIONS_CLAIM', VARIABLES.AUTH_PERMISSIONS_CLAIM, false),
    allowedClients: optional('ALLOWED_CLIENTS', VARIABLES.ALLOWED_CLIENTS) ?? [],
    ...readAddresses(optional, required),
    ...readAccess(required),
    auth0Compat: required('AUTH0_COMPAT', VARIABLES.AUTH0_COMPAT, false),
    auth0Events: required('AUTH0_EVENTS', VARIABLES.AUTH0_EVENTS, false),
    docs: required('DOCS', VARIABLES.DOCS, true),
    metadataBytesMax: required('USER_METADATA_MAX_BYTES', VARIABLES.USER_METADATA_MAX_BYTES, 0),
    requireIfMatch: required('REQUIRE_IF_MATCH', VARIABLES.REQUIRE_IF_MATCH, false),
    cacheTtlSeconds: required('CACHE_TTL_SECONDS', VARIABLES.CACHE_TTL_SECONDS, 0),
    cacheStaleSeconds: required('CACHE_STALE_SECONDS', VARIABLES.CACHE_STALE_SECONDS, 0),
    cacheStaleIfErrorSeconds: required(
      'CACHE_STALE_IF_ERROR_SECONDS',
      VARIABLES.CACHE_STALE_IF_ERROR_SECONDS,
      0,
    ),
    cacheClientTtlSeconds: required('CACHE_CLIENT_TTL_SECONDS', VARIABLES.CACHE_CLIENT_TTL_SECONDS, 0),
    redis: readRedis(
      { optional, required, readPem: (name, path) => readText(name, path, readFile, faults) },
      faults,
    ),
    cacheEncryptionKeys: readEncryptionKeys(optional, faults),
    cacheHashKey: optional('CACHE_HASH_KEY', VARIABLES.CACHE_HASH_KEY),
    upstreamBudget: optional('UPSTREAM_BUDGET', VARIABLES.UPSTREAM_BUDGET),
    upstreamWaitMs: required('UPSTREAM_WAIT_MS', VARIABLES.UPSTREAM_WAIT_MS, 0),
    upstreamTimeoutMs: required('UPSTREAM_TIMEOUT_MS', VARIABLES.UPSTREAM_TIMEOUT_MS, 0),
    upstreamProxyUrl: optional('UPSTREAM_PROXY_URL', VARIABLES.UPSTREAM_PROXY_URL),
    leastPrivilege: required('LEAST_PRIVILEGE', VARIABLES.LEAST_PRIVILEGE, 'warn'),
    logLevel: required('LOG_LEVEL', VARIABLES.LOG_LEVEL, 'info'),
    observability: readObservability(optional, warnings),
    warnings,
  };
  // What a proof is made for must not be for the sender of a request to say.
  if (config.dpopRequired && config.publicUrls.length === 0 && !env['PUBLIC_URL']) {
    faults.push('PUBLIC_URL: is required with DPOP_REQUIRED');
  }
  faults.push(...findConflicts(config));
  if (faults.length > 0 || policy === undefined) throw new ConfigError(faults, warnings);
  return Object.freeze({ ...config, policy });
}

/** @returns the keys, of which the first encrypts and each decrypts. */
function readEncryptionKeys(
  optional: <T>(name: VariableName, variable: Variable<T>) => T | undefined,
  faults: string[],
): readonly Uint8Array[] {
  const before = faults.length;
  const current = optional('CACHE_ENCRYPTION_KEY', VARIABLES.CACHE_ENCRYPTION_KEY);
  const previous = optional('CACHE_ENCRYPTION_KEY_PREVIOUS', VARIABLES.CACHE_ENCRYPTION_KEY_PREVIOUS);
  if (current === undefined && previous !== undefined && faults.length === before) {
    faults.push('CACHE_ENCRYPTION_KEY_PREVIOUS: needs CACHE_ENCRYPTION_KEY beside it');
  }
  return [current, previous].filter((key) => key !== undefined);
}

/** Every name that is read. */
const KNOWN_NAMES = Object.entries<Variable<unknown>>(VARIABLES).flatMap(([name, { secret }]) =>
  secret ? [name, `${name}_FILE`] : [name],
);

interface Sources {
  readonly env: Environment;
  readonly readFile: ReadFile;
  readonly faults: string[];
  readonly warnings: string[];
}

/** The text of a variable: from itself, from the file that `NAME_FILE` names, or its default. */
function textOf(
  name: string,
  variable: Variable<unknown>,
  { env, readFile, faults, warnings }: Sources,
): string | undefined {
  const direct = env[name] || undefined;
  if (direct !== undefined && isServiceAddress(name, direct)) {
    warnings.push(
      `${name}: holds the address of a Kubernetes Service; the default is used (enableServiceLinks: false avoids this)`,
    );
    return variable.default;
  }
  const path = variable.secret ? env[`${name}_FILE`] || undefined : undefined;
  if (direct !== undefined && path !== undefined) faults.push(`${name}: is set twice, also as ${name}_FILE`);
  if (direct === undefined && path !== undefined) {
    const content = readText(`${name}_FILE`, path, readFile, faults);
    // Editors and secret stores end files with a line break that is no part of the secret.
    return content?.replace(/\r?\n$/, '') || undefined;
  }
  return direct ?? variable.default;
}

/** Accepts the address with or without `/api/v2`, since both are called "the Management API URL". */
function tenantUrlOf(address: string): string {
  return withoutSlash(withoutSlash(address).replace(/\/api\/v2$/, ''));
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, '');
}
