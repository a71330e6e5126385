/**
 * From the environment to a frozen Config, or to one error that lists everything that is wrong at once. Errors and
 * warnings name variables, never their values.
 */
import type { ClientCredentials } from '../src/auth0/token-provider.ts';
import type { TracingSettings } from '../src/observability/tracing-sdk.ts';
import type { RedisAddress } from '../src/redis/session.ts';
import { readCredentials } from './credentials.ts';
import {
  type Environment,
  type EnvironmentReading,
  type ReadFile,
  readEnvironment,
  readText,
} from './environment.ts';
import { type FindPolicyErrors, loadPolicy, type Policy } from './policy.ts';
import { type Settings, type Values, VARIABLES, type Variable } from './variables.ts';

/** What follows from several variables, or from files that they name. */
interface DerivedSettings {
  /** Of one tenant, each with a trailing slash, as Auth0 writes it in `iss`. At least one. */
  readonly issuers: readonly string[];
  /** Base of the tenant without a trailing slash; the token endpoint and `/api/v2` are below it. */
  readonly tenantUrl: string;
  readonly credentials: ClientCredentials;
  /** Without a trailing slash. Empty: the address is the one that a request names. */
  readonly publicUrls: readonly string[];
  readonly policy: Policy;
  /** Undefined: each process is on its own. */
  readonly redisAddress: RedisAddress | undefined;
  /** The first encrypts, all decrypt; none: values are stored in plain text. */
  readonly cacheEncryptionKeys: readonly Uint8Array[];
  /** Undefined: nothing is traced. */
  readonly tracing: TracingSettings | undefined;
  /** Probable mistakes that do not prevent the start. Safe to print. */
  readonly warnings: readonly string[];
}

export type Config = Settings & DerivedSettings;

/** Every error of a configuration, and every warning. Safe to print. */
export class ConfigError extends Error {
  readonly errors: readonly string[];
  readonly warnings: readonly string[];

  constructor(errors: readonly string[], warnings: readonly string[]) {
    const count = errors.length === 1 ? '1 configuration error' : `${errors.length} configuration errors`;
    const noted = warnings.length > 0 ? `\nWarnings:${toLines(warnings)}` : '';
    super(`${count}:${toLines(errors)}${noted}`);
    this.name = 'ConfigError';
    this.errors = errors;
    this.warnings = warnings;
  }
}

function toLines(items: readonly string[]): string {
  return items.map((item) => `\n  - ${item}`).join('');
}

/**
 * Reads nothing but `env` and, by `readFile`, the files that it names.
 * @param findPolicyErrors is called only if there are other errors. A policy of which it is not called may be wrong.
 * @throws ConfigError listing every error.
 */
export function loadConfig(
  env: Environment,
  readFile: ReadFile,
  findPolicyErrors: FindPolicyErrors = () => [],
): Config {
  const reading = readEnvironment(env, readFile);
  const { values } = reading;
  const errors = [...reading.errors.values()];
  const credentials = readCredentials(reading, readFile, errors);
  const policyPath = values.POLICY_FILE;
  const policy =
    policyPath === undefined ? undefined : loadPolicy(policyPath, readFile, errors, findPolicyErrors);
  const { tracing, warnings } = readTracing(reading);
  const derived = {
    ...readTenantAddresses(values, errors),
    publicUrls: values.PUBLIC_URL ?? [],
    redisAddress: readRedisAddress(values, readFile, errors),
    cacheEncryptionKeys: [values.CACHE_ENCRYPTION_KEY, values.CACHE_ENCRYPTION_KEY_PREVIOUS].filter(
      (key) => key !== undefined,
    ),
    tracing,
    warnings: [...reading.warnings, ...warnings],
  };
  errors.push(...findConflicts(reading));
  const settings = nameByKeys(values);
  if (errors.length > 0 || !isComplete(settings) || !credentials || !policy) {
    if (policy) {
      const { ALLOWED_CLIENTS: allowedClients } = values;
      errors.push(...findPolicyErrors(policy.userMetadata, allowedClients && { policy, allowedClients }));
    }
    throw new ConfigError(errors, derived.warnings);
  }
  return Object.freeze({ ...settings, ...derived, credentials, policy });
}

const TABLE = Object.entries<Variable<unknown>>(VARIABLES);

function nameByKeys(values: Values): Readonly<Record<string, unknown>> {
  const byName = new Map<string, unknown>(Object.entries(values));
  return Object.fromEntries(
    TABLE.flatMap(([name, { key }]) => (key === undefined ? [] : [[key, byName.get(name)]])),
  );
}

/** Whether each variable that has a default or is required has its value. It has, if there are no errors. */
function isComplete(settings: Readonly<Record<string, unknown>>): settings is Settings {
  return TABLE.every(([, { key, default: text, required }]) => {
    const mayBeUnset = text === undefined && required !== true;
    return key === undefined || mayBeUnset || settings[key] !== undefined;
  });
}

function readTenantAddresses(
  { AUTH0_DOMAIN, ISSUER_BASE_URL, AUTH0_MANAGEMENT_URL, JWKS_URI }: Values,
  errors: string[],
): Pick<DerivedSettings, 'issuers' | 'tenantUrl'> {
  const domainUrl = `https://${AUTH0_DOMAIN}`;
  const issuers = new Set((ISSUER_BASE_URL ?? [domainUrl]).map((issuer) => `${withoutSlash(issuer)}/`));
  if (issuers.size > 1 && JWKS_URI !== undefined) {
    errors.push(
      'JWKS_URI: must be unset where ISSUER_BASE_URL lists several issuers, each of which has keys of its own',
    );
  }
  // Both the tenant and its `/api/v2` are called "the Management API URL".
  const tenantUrl = withoutSlash(AUTH0_MANAGEMENT_URL ?? domainUrl).replace(/\/api\/v2$/, '');
  return { issuers: [...issuers], tenantUrl: withoutSlash(tenantUrl) };
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, '');
}

function readRedisAddress(values: Values, readFile: ReadFile, errors: string[]): RedisAddress | undefined {
  const readPem = (name: 'REDIS_CA_FILE' | 'REDIS_CERT_FILE' | 'REDIS_KEY_FILE') => {
    const path = values[name];
    return path === undefined ? undefined : readText(name, path, readFile, errors);
  };
  const tls = {
    ca: readPem('REDIS_CA_FILE'),
    cert: readPem('REDIS_CERT_FILE'),
    key: readPem('REDIS_KEY_FILE'),
  };
  if (values.REDIS_URL === undefined) return undefined;
  const { encrypted, ...address } = values.REDIS_URL;
  if (!encrypted && Object.values(tls).some((part) => part !== undefined)) {
    errors.push('REDIS_URL: must begin with rediss for the REDIS_*_FILE that are given');
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    errors.push('REDIS_CERT_FILE: needs REDIS_KEY_FILE, and that one needs it');
  }
  return { ...address, tls: encrypted ? tls : undefined };
}

/** Tracing never prevents the start. What is ignored is only a warning where something is to be traced. */
function readTracing({ values, ignored }: EnvironmentReading): {
  readonly tracing: TracingSettings | undefined;
  readonly warnings: readonly string[];
} {
  const base = values.OTEL_EXPORTER_OTLP_ENDPOINT;
  const url = values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${withoutSlash(base)}/v1/traces`);
  const isWanted =
    url !== undefined ||
    ignored.has('OTEL_EXPORTER_OTLP_ENDPOINT') ||
    ignored.has('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  // Variables that a platform sets everywhere must not fill the log of a service that does not trace.
  if (!isWanted || values.OTEL_SDK_DISABLED || values.OTEL_TRACES_EXPORTER === 'none') {
    return { tracing: undefined, warnings: [] };
  }
  const tracing =
    url === undefined
      ? undefined
      : {
          url,
          serviceName: values.OTEL_SERVICE_NAME,
          sampler: values.OTEL_TRACES_SAMPLER,
          ratio: values.OTEL_TRACES_SAMPLER_ARG,
        };
  return { tracing, warnings: [...ignored.values()].map((error) => `${error}; the value is ignored`) };
}

/** An error for each combination of values that are valid one by one and cannot work together. */
function findConflicts({ values, errors }: EnvironmentReading): string[] {
  const found: string[] = [];
  const { HOST, PORT, OPS_HOST, OPS_PORT } = values;
  const isSameAddress = HOST === OPS_HOST || isAnyAddress(HOST) || isAnyAddress(OPS_HOST);
  // 0 takes any free port.
  if (PORT !== undefined && PORT !== 0 && PORT === OPS_PORT && isSameAddress) {
    found.push('OPS_PORT: must differ from PORT, because both listeners would be bound to the same address');
  }
  // The sender of a request must not decide which address a proof is for.
  if (values.DPOP_REQUIRED && values.PUBLIC_URL === undefined && !errors.has('PUBLIC_URL')) {
    found.push('PUBLIC_URL: is required with DPOP_REQUIRED');
  }
  const hasKey = values.CACHE_ENCRYPTION_KEY !== undefined || errors.has('CACHE_ENCRYPTION_KEY');
  if (values.CACHE_ENCRYPTION_KEY_PREVIOUS !== undefined && !hasKey) {
    found.push('CACHE_ENCRYPTION_KEY_PREVIOUS: needs CACHE_ENCRYPTION_KEY beside it');
  }
  return found;
}

function isAnyAddress(host: string | undefined): boolean {
  return host === '0.0.0.0' || host === '::';
}
