/** What the text of a variable may be. A fault's message says what would do, and never repeats the text. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { getOriginFault } from './origins.ts';

export function integer(min: number, max: number): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^\d{1,12}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be a whole number from ${min} to ${max}`);
}

/** Anything but what never stands in a value on purpose and makes it equal to nothing. */
export const text = z
  .string()
  .min(1)
  .regex(/^\P{Cc}*$/u, 'must not contain a line break or another control character');

/** An id of an application. */
export const clientId = z
  .string()
  .min(1)
  .regex(/^[^\s\p{Cc}"']+$/u, 'must not contain white space or quotes');

/** What a listener can be bound to. */
export const listenAddress = z
  .string()
  .refine(
    (value) => isIP(value) !== 0 || /^[a-z0-9_](?:[\w.-]*\w)?$/i.test(value),
    'must be an IP address or a host name alone, without brackets, scheme or port',
  );

/**
 * How a value is wrapped that somebody pasted or quoted: the shell takes quotes away, an env file, a container and a
 * manifest do not. Undefined for a value that is not wrapped.
 */
export function describeWrapping(value: string): string | undefined {
  if (/^(?:".*"|'.*'|`.*`|“.*”)$/s.test(value.trim())) {
    return 'has quotes around it, which are part of the value: remove them';
  }
  return value === value.trim()
    ? undefined
    : 'has spaces around it, which are part of the value: remove them';
}
export const flag = z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true');
export const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

export const clientIds = list.refine(
  (items) => items.every((item) => clientId.safeParse(item).success),
  'must list client ids, separated by commas, without quotes',
);

const PLAN_NAMES = ['free', 'self-service', 'enterprise-nonprod', 'enterprise'] as const;
const BUDGET_FAULT = `must be ${PLAN_NAMES.join(', ')} or burst/per-second, such as 10/2`;

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
  BUDGET_FAULT,
);

/** A key of AES-256. Node would pass over what is not base64, so that two replicas might not see the same typing error. */
export const aesKey = z
  .string()
  .regex(/^[A-Za-z0-9+/_-]{43}=?$/, 'must be 32 bytes in base64')
  .transform((value) => Buffer.from(value, 'base64'))
  .refine((bytes) => bytes.length === 32, 'must be 32 bytes in base64');

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

function parseUrl(value: string): URL | undefined {
  // URL itself would drop line breaks and tabs.
  return URL.canParse(value) && /^[^\s\p{Cc}]+$/u.test(value) ? new URL(value) : undefined;
}

/** Whether what is fetched there, or sent there, can be trusted: https, or http that never leaves this machine. */
export function isSafeUrl(value: string): boolean {
  const { protocol, hostname = '', username = '', password = '' } = parseUrl(value) ?? {};
  if (username + password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname));
}

/**
 * An address that secrets may travel to: https, or http that never leaves this machine. It is written as others write
 * it: the host in lower case, without the port that the scheme has anyway.
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

/** Tokens name the issuer in `iss`; where its documents are follows from that. */
const issuerUrl = url.refine(
  (value) => !/\/\.well-known(?:\/|$)/.test(value),
  'must be the issuer alone: leave out /.well-known and what follows',
);

/** A list whose entries are checked one by one; a fault says which of several it is about. */
function checkedList(getFault: (item: string) => string | undefined): z.ZodType<string[], string> {
  return list.superRefine((items, context) => {
    for (const [index, item] of items.entries()) {
      const fault = getFault(item);
      if (fault === undefined) continue;
      const message = items.length === 1 ? fault : `${fault} (entry ${index + 1})`;
      context.addIssue({ code: 'custom', message });
    }
  });
}

const distinct = (items: readonly string[]): string[] => [...new Set(items)];

/** Several of them. */
export const issuerUrls = checkedList((item) => issuerUrl.safeParse(item).error?.issues[0]?.message)
  .refine((items) => items.length > 0, 'must list at least one issuer')
  .transform((items) => distinct(items.map((item) => issuerUrl.parse(item))));

/** What stands in a path as it is, and is not changed on its way: no empty, dotted or encoded segment. */
const PLAIN_ADDRESS = /^https?:\/\/[^/?#\\]+(?:\/(?!\.{1,2}(?:\/|$))[\w.~!$&'()*+;=:@-]+)*\/?$/i;

/** Each in the form in which requests are compared: lower case, no default port, no trailing slash. */
export const publicUrls = checkedList((item) => {
  const fault = url.safeParse(item).error?.issues[0]?.message;
  if (fault !== undefined) return fault;
  return PLAIN_ADDRESS.test(item) ? undefined : 'must have a path without empty, dotted or encoded segments';
})
  .refine((items) => items.length > 0, 'must list at least one address')
  .transform((items) => distinct(items.map((item) => withoutSlash(new URL(item)))));

const withoutSlash = ({ origin, pathname }: URL): string => origin + pathname.replace(/\/$/, '');

export const origins = checkedList(getOriginFault).transform(distinct);

/** RFC 9110 section 5.1. */
const FIELD_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

export const headerNames = checkedList((item) => {
  if (item === '*') return '* is refused: browsers do not count Authorization among it, so name each header';
  return FIELD_NAME.test(item) ? undefined : 'must list names of header fields';
}).transform(distinct);

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

export const domain = z
  .string()
  .regex(
    /^[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?$/i,
    'must be a host name such as tenant.eu.auth0.com, without https:// and without a path',
  )
  .refine((value) => URL.canParse(`https://${value}`), 'must be a host name such as tenant.eu.auth0.com')
  // As Auth0 writes it in `iss`.
  .transform((value) => new URL(`https://${value}`).host);
