/** Where clients reach the service, which pages may call it, and which proxies stand in front of it. */
import { flag, headerNames, networks, origins, publicUrls } from './fields.ts';
import type { Variable, VariableName } from './schema.ts';

export const ADDRESS_VARIABLES = {
  PUBLIC_URL: {
    description:
      'Addresses at which clients reach the service, separated by commas, such as `https://app.example.com/api/profile`. Requests for another host are refused (421). DPoP proofs and links are for these addresses. Required with `DPOP_REQUIRED`.',
    schema: publicUrls,
  },
  PUBLIC_HEALTH: {
    description:
      'Whether `/livez` and `/readyz` answer on the public listener as well, for hosts that open one port.',
    default: 'false',
    schema: flag,
  },
  CORS_ORIGINS: {
    description:
      'Origins whose pages may call, separated by commas. `https://*.example.com` is each subdomain, one label deep; apps have origins such as `capacitor://localhost`.',
    default: '',
    schema: origins,
  },
  CORS_ALLOWED_HEADERS: {
    description:
      'Request headers that those pages may send beside the ones that the service reads, separated by commas, such as `baggage,sentry-trace`.',
    default: '',
    schema: headerNames,
  },
  TRUSTED_PROXIES: {
    description: 'Addresses or networks of reverse proxies whose `X-Forwarded-*` fields are believed.',
    default: '',
    schema: networks,
  },
} as const satisfies Readonly<Record<string, Variable<unknown>>>;

export interface AddressConfig {
  /** Without a trailing slash. Empty: the address is the one that a request names. */
  readonly publicUrls: readonly string[];
  readonly publicHealth: boolean;
  readonly corsOrigins: readonly string[];
  readonly corsAllowedHeaders: readonly string[];
  readonly trustedProxies: readonly string[];
}

/**
 * @param optional the value of a variable, or undefined where it is unset or faulty.
 * @param required the value of a variable that has a default.
 */
export function readAddresses(
  optional: <T>(name: VariableName, variable: Variable<T>) => T | undefined,
  required: <T>(name: VariableName, variable: Variable<T>, fallback: T) => T,
): AddressConfig {
  const variables = ADDRESS_VARIABLES;
  return {
    publicUrls: optional('PUBLIC_URL', variables.PUBLIC_URL) ?? [],
    publicHealth: required('PUBLIC_HEALTH', variables.PUBLIC_HEALTH, false),
    corsOrigins: optional('CORS_ORIGINS', variables.CORS_ORIGINS) ?? [],
    corsAllowedHeaders: optional('CORS_ALLOWED_HEADERS', variables.CORS_ALLOWED_HEADERS) ?? [],
    trustedProxies: optional('TRUSTED_PROXIES', variables.TRUSTED_PROXIES) ?? [],
  };
}
