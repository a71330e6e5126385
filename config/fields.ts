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

export const text = z.string().min(1);
export const flag = z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true');
export const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
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

/** A key of AES-256. */
export const aesKey = z
  .string()
  .transform((value) => Buffer.from(value, 'base64'))
  .refine((bytes) => bytes.length === 32, 'must be 32 bytes in base64');

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** An address that secrets may travel to: https, or http that never leaves this machine. */
export const url = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'must be an absolute http(s) URL',
  )
  .refine((value) => {
    if (!URL.canParse(value)) return true;
    const { protocol, hostname } = new URL(value);
    return protocol === 'https:' || LOOPBACK.test(hostname);
  }, 'must use https; plain http is accepted on loopback only')
  .refine((value) => {
    if (!URL.canParse(value)) return true;
    const { username, password, search, hash } = new URL(value);
    return username + password + search + hash === '';
  }, 'must have no credentials, query or fragment');

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
  .regex(/^[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?$/i, 'must be a host name such as tenant.eu.auth0.com');
