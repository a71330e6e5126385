/**
 * What the text of a variable may be, as zod schemas from the text to the value. The message of an error says what
 * would be accepted. It never repeats the text, which may be a secret.
 */
import { isIP, isIPv6 } from 'node:net';
import { z } from 'zod';
import type { RedisAddress, RedisNode } from '../src/redis/session.ts';

// Texts, numbers and choices

/** A whole number from `min` to `max`, in decimal digits. */
export function integer(min: number, max: number): z.ZodType<number, string> {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,12}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

/** One of these words, in this case. */
export function oneOf<const T extends readonly string[]>(words: T): z.ZodType<T[number], string> {
  return z.enum(words, `must be ${describeChoice(words)}`);
}

/** The same in any case, as the specification of OpenTelemetry demands it. */
export function oneOfAnyCase<const T extends readonly string[]>(words: T): z.ZodType<T[number], string> {
  return z.string().toLowerCase().pipe(oneOf(words));
}

function describeChoice(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

const BOOLEANS = ['true', 'false'] as const;
const isTrue = (word: (typeof BOOLEANS)[number]): boolean => word === 'true';

export const flag = oneOf(BOOLEANS).transform(isTrue);
export const flagAnyCase = oneOfAnyCase(BOOLEANS).transform(isTrue);

/** Any text without control characters, which are never part of a value on purpose and make it equal to nothing. */
export const text = z
  .string()
  .min(1)
  .regex(/^\P{Cc}*$/u, 'must not contain a line break or another control character');

/** A number from 0 to 1. */
export const ratio = z
  .string()
  .refine(
    (value) => /\S/.test(value) && Number(value) >= 0 && Number(value) <= 1,
    'must be a number from 0 to 1',
  )
  .transform(Number);

/** The id of an application. */
export const clientId = z
  .string()
  .min(1)
  .regex(/^[^\s\p{Cc}"']+$/u, 'must not contain white space or quotes');

/**
 * A key of AES-256. Node ignores characters that are not base64, so without the pattern a typing error would give
 * another key.
 */
export const aesKey = z
  .string()
  .regex(/^[A-Za-z0-9+/_-]{43}=?$/, 'must be 32 bytes in base64')
  .transform((value) => Buffer.from(value, 'base64'))
  .refine((bytes) => bytes.length === 32, 'must be 32 bytes in base64');

/** Where audit events go. */
export const auditLog = z
  .string()
  .refine(
    (value) => value === 'stdout' || value === 'off' || /\/[^/\0]+$/.test(value),
    'must be stdout, off or the path of a file, with at least one /',
  )
  .transform((value) => (value === 'stdout' || value === 'off' ? value : { path: value }));

/** The severity of log lines, from the least. `silent` is above all of them. */
export const logLevel = oneOf(['debug', 'info', 'warn', 'error', 'silent']);
export type LogLevel = z.output<typeof logLevel>;

const PLAN_NAMES = ['free', 'self-service', 'enterprise-nonprod', 'enterprise'] as const;

/** A plan of Auth0 whose request budget is known. */
export type PlanName = (typeof PLAN_NAMES)[number];

/** The request budget of a tenant: a plan, or the size and the refill rate of one bucket. */
export const budget = z.union(
  [
    z.enum(PLAN_NAMES),
    z
      .string()
      .regex(/^[1-9]\d{0,4}\/(?:[1-9]\d{0,4}(?:\.\d{1,3})?|0\.(?!0+$)\d{1,3})$/)
      .transform((value) => {
        const [burst, perSecond] = value.split('/').map(Number);
        return { burst: burst ?? 1, perSecond: perSecond ?? 1 };
      }),
  ],
  `must be ${PLAN_NAMES.join(', ')} or burst/per-second, such as 10/2`,
);

// Lists

const list = z.string().transform((value): readonly string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

/** A list whose entries are checked one by one. The error says which of several entries it is about. */
function checkedList(getError: (item: string) => string | undefined): z.ZodType<readonly string[], string> {
  return list.superRefine((items, context) => {
    for (const [index, item] of items.entries()) {
      const error = getError(item);
      if (error === undefined) continue;
      const message = items.length === 1 ? error : `${error} (entry ${index + 1})`;
      context.addIssue({ code: 'custom', message });
    }
  });
}

function withoutDuplicates(items: readonly string[]): readonly string[] {
  return [...new Set(items)];
}

export const clientIds = list.refine(
  (items) => items.every((item) => clientId.safeParse(item).success),
  'must list client ids, separated by commas, without quotes',
);

/** The name of a header (RFC 9110 section 5.1). */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

export const headerNames = checkedList((item) => {
  if (item === '*') return '* is refused: browsers do not count Authorization among it, so name each header';
  return HEADER_NAME.test(item) ? undefined : 'must list names of headers';
}).transform(withoutDuplicates);

// Hosts and networks

/** An address that a listener can be bound to. */
export const listenAddress = z
  .string()
  .refine(
    (value) => isIP(value) !== 0 || /^[a-z0-9_](?:[\w.-]*\w)?$/i.test(value),
    'must be an IP address or a host name alone, without brackets, scheme or port',
  );

export const domain = z
  .string()
  .regex(
    /^[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?$/i,
    'must be a host name such as tenant.eu.auth0.com, without https:// and without a path',
  )
  .refine((value) => URL.canParse(`https://${value}`), 'must be a host name such as tenant.eu.auth0.com')
  // As Auth0 writes it in `iss`.
  .transform((value) => new URL(`https://${value}`).host);

const NAMED_NETWORKS = ['loopback', 'linklocal', 'uniquelocal'];

function isNetwork(item: string): boolean {
  if (NAMED_NETWORKS.includes(item)) return true;
  const [address = '', prefix, ...rest] = item.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}

export const networks = list.refine(
  (items) => items.every(isNetwork),
  `must list IP addresses, networks in CIDR form, or ${NAMED_NETWORKS.join(', ')}; a number of hops is not accepted`,
);

// URLs

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

function parseUrl(value: string): URL | undefined {
  // URL itself would drop line breaks and tabs.
  return URL.canParse(value) && /^[^\s\p{Cc}]+$/u.test(value) ? new URL(value) : undefined;
}

/** Whether secrets may travel to this URL, and keys from it: https, or http that never leaves this machine. */
export function isSafeUrl(value: string): boolean {
  const { protocol, hostname = '', username = '', password = '' } = parseUrl(value) ?? {};
  if (username + password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname));
}

/**
 * A URL that secrets may travel to: https, or http that never leaves this machine. The value is the normal form: the
 * host in lower case, without the default port.
 */
export const url = z
  .string()
  .refine((value) => /^https?:$/.test(parseUrl(value)?.protocol ?? ''), 'must be an absolute http(s) URL')
  .refine((value) => {
    const { protocol, hostname } = parseUrl(value) ?? {};
    return protocol !== 'http:' || LOOPBACK.test(hostname ?? '');
  }, 'must use https; plain http is accepted on loopback only')
  .refine((value) => {
    const { username = '', password = '', search = '', hash = '' } = parseUrl(value) ?? {};
    return username + password + search + hash === '';
  }, 'must have no credentials, query or fragment')
  .transform((value) => parseUrl(value)?.href ?? value);

/** A collector of traces. It is often in the same private network, where plain http is common. */
export const collectorUrl = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'must be an absolute http(s) URL',
  );

/** Tokens name the issuer in `iss`; the address of its documents follows from that. */
const issuerUrl = url.refine(
  (value) => !/\/\.well-known(?:\/|$)/.test(value),
  'must be the issuer alone: leave out /.well-known and what follows',
);

export const issuerUrls = checkedList((item) => issuerUrl.safeParse(item).error?.issues[0]?.message)
  .refine((items) => items.length > 0, 'must list at least one issuer')
  .transform((items) => withoutDuplicates(items.map((item) => issuerUrl.parse(item))));

/** A URL whose path no proxy rewrites: no empty, dotted or encoded segment. */
const PLAIN_URL = /^https?:\/\/[^/?#\\]+(?:\/(?!\.{1,2}(?:\/|$))[\w.~!$&'()*+;=:@-]+)*\/?$/i;

/** Each in the form that requests are compared with: lower case, no default port, no trailing slash. */
export const publicUrls = checkedList((item) => {
  const error = url.safeParse(item).error?.issues[0]?.message;
  if (error !== undefined) return error;
  return PLAIN_URL.test(item) ? undefined : 'must have a path without empty, dotted or encoded segments';
})
  .refine((items) => items.length > 0, 'must list at least one address')
  .transform((items) => withoutDuplicates(items.map((item) => toPublicUrl(new URL(item)))));

function toPublicUrl({ origin, pathname }: URL): string {
  return origin + pathname.replace(/\/$/, '');
}

/** A proxy: scheme, host and port, and perhaps credentials, in which special characters are percent-encoded. */
export const proxyUrl = z.string().refine((value) => {
  const { protocol = '', username = '', password = '', pathname, search, hash } = parseUrl(value) ?? {};
  const isPlain = pathname === '/' && search === '' && hash === '';
  return /^https?:$/.test(protocol) && isPlain && isDecodable(username) && isDecodable(password);
}, 'must be http(s)://host:port or http(s)://user:password@host:port, without a path');

function isDecodable(encoded: string): boolean {
  try {
    decodeURIComponent(encoded);
    return true;
  } catch {
    return false;
  }
}

// Origins

/** Origins of these schemes are opaque (`null`), or no page can have them. */
const SCHEMES_WITHOUT_PAGES = new Set(['about', 'blob', 'data', 'file', 'ftp', 'javascript', 'ws', 'wss']);

/** Browsers write the ids of their extensions in lower case. */
const LOWER_CASE_SCHEMES = new Set(['http', 'https', 'chrome-extension', 'moz-extension']);

const DEFAULT_HTTP_PORTS: Readonly<Record<string, RegExp>> = { http: /:80$/, https: /:443$/ };

/**
 * Origins that a browser or an app can send, written as they send them. An entry that could never match is a mistake,
 * so each one is refused with its reason.
 */
export const origins = checkedList(getOriginError).transform(withoutDuplicates);

/** Why no request can carry this origin; undefined if one can. */
function getOriginError(origin: string): string | undefined {
  if (origin === '*') return '* is refused: list each origin, or https://*.example.com for its subdomains';
  if (origin === 'null') return 'null is refused: every sandboxed page of any site sends it';
  const [, scheme, host = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(origin) ?? [];
  if (scheme === undefined) return 'must list origins such as https://app.example.com';
  if (scheme !== scheme.toLowerCase()) return 'must write schemes in lower case, as browsers send them';
  if (SCHEMES_WITHOUT_PAGES.has(scheme)) return 'lists a scheme that no page sends as its origin';
  if (host === '') return 'must name a host behind each scheme';
  if (host.includes('*')) return getWildcardError(scheme, host);
  return scheme === 'http' || scheme === 'https' ? getWebError(scheme, host) : getHostError(scheme, host);
}

/** What is wrong with a host in an origin of any scheme. */
function getHostError(scheme: string, host: string): string | undefined {
  if (/^[^/?#]+\/$/.test(host)) return 'must list origins without a trailing slash';
  if (/[/\\?#]/.test(host)) return 'must list origins without path, query or fragment';
  if (host.includes('@')) return 'must list origins without credentials';
  if (/[^!-~]/.test(host)) return 'must write hosts in ASCII (punycode, xn--...), as browsers send them';
  if (LOWER_CASE_SCHEMES.has(scheme) && host !== host.toLowerCase()) {
    return 'must write hosts in lower case, as browsers send them';
  }
  return undefined;
}

function getWebError(scheme: string, host: string): string | undefined {
  const error = getHostError(scheme, host);
  if (error !== undefined) return error;
  if (DEFAULT_HTTP_PORTS[scheme]?.test(host)) return 'must leave default ports out, as browsers do';
  const origin = `${scheme}://${host}`;
  const isSent = URL.canParse(origin) && new URL(origin).origin === origin;
  return isSent ? undefined : 'must list hosts and ports as browsers send them';
}

/** One star, for exactly one whole label, so that the operator's own domain always follows it. */
function getWildcardError(scheme: string, host: string): string | undefined {
  if (scheme !== 'https') return 'accepts a star in https origins only';
  const [, suffix] = /^\*\.([^*]+)$/.exec(host) ?? [];
  if (suffix === undefined) return 'accepts one star, for the whole first label: https://*.example.com';
  const labels = suffix.replace(/:\d*$/, '').split('.');
  if (labels.length < 2 || labels.includes(''))
    return 'needs two labels behind a star: https://*.example.com';
  return getWebError(scheme, `a.${suffix}`);
}

// Redis

/** The content of `REDIS_URL`: the address without the certificates, which other variables name. */
export type RedisLocation = Omit<RedisAddress, 'tls'> & { readonly encrypted: boolean };

const REDIS_SCHEME = /^redis(s?)(?:\+(sentinel|cluster))?:\/\//;
const REDIS_PORTS = { single: 6379, sentinel: 26_379, cluster: 6379 } as const;
const REDIS_SCHEME_ERROR =
  'must begin with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://';

/**
 * Parses `redis://user:password@host:port/0`, `redis+sentinel://host:port,host:port/master-name/0` or
 * `redis+cluster://host:port,host:port`; each with `rediss` for TLS.
 * @throws Error whose message says what is wrong and quotes nothing of the address.
 */
export function parseRedisUrl(value: string): RedisLocation {
  const scheme = REDIS_SCHEME.exec(value);
  if (scheme === null) throw new Error(REDIS_SCHEME_ERROR);
  const topology = scheme[2] === 'sentinel' || scheme[2] === 'cluster' ? scheme[2] : 'single';
  const rest = value.slice(scheme[0].length);
  if (/[?#]/.test(rest)) {
    throw new Error(
      'must have no query or fragment; rediss:// turns TLS on. Write ? and # in a password as %3F and %23',
    );
  }
  const [authority = '', ...path] = rest.split('/');
  const at = authority.lastIndexOf('@');
  const [username = '', ...passwords] = at < 0 ? [] : authority.slice(0, at).split(':');
  const nodes = authority
    .slice(at + 1)
    .split(',')
    .map((node) => parseRedisNode(node, REDIS_PORTS[topology]));
  const [first, ...others] = nodes;
  if (first === undefined || (topology === 'single' && others.length > 0)) {
    throw new Error('must name one host, or use redis+sentinel:// or redis+cluster:// for several');
  }
  return {
    topology,
    nodes: [first, ...others],
    ...parseRedisPath(topology, path),
    username: decode(username) || undefined,
    password: decode(passwords.join(':')) || undefined,
    encrypted: scheme[1] === 's',
  };
}

function parseRedisNode(node: string, defaultPort: number): RedisNode {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(node);
  const [, v6, name, digits] = match ?? [];
  const port = digits === undefined ? defaultPort : Number(digits);
  const host = v6 ?? name ?? '';
  if (match === null || port < 1 || port > 65_535 || (v6 !== undefined && !isIPv6(v6)) || /\s/.test(host)) {
    throw new Error('must name hosts as host, host:port or [IPv6 address]:port');
  }
  return { host: v6 ?? decode(host), port };
}

function parseRedisPath(
  topology: RedisAddress['topology'],
  path: readonly string[],
): Pick<RedisAddress, 'masterName' | 'database'> {
  if (topology === 'cluster') {
    if (path.join('') !== '') throw new Error('must have no path: a cluster has no numbered databases');
    return { masterName: '', database: 0 };
  }
  const [masterName = '', ...databases] = topology === 'sentinel' ? path : ['', ...path];
  if (topology === 'sentinel' && masterName === '') {
    throw new Error('must name the primary as its Sentinels do: redis+sentinel://host:port/master-name');
  }
  const [database = ''] = databases;
  if (databases.length > 1 || !/^\d{0,4}$/.test(database)) {
    throw new Error('must end with the number of the database, such as /0, or without one');
  }
  return { masterName: decode(masterName), database: Number(database) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Error('must write % as %25');
  }
}

export const redisUrl = z.string().transform((value, context): RedisLocation => {
  try {
    return parseRedisUrl(value);
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : REDIS_SCHEME_ERROR);
    return z.NEVER;
  }
});
