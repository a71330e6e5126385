/** Where Redis is and how it is spoken to. */
import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { integer, text } from './fields.ts';
import type { Variable, VariableName } from './schema.ts';

export interface RedisNode {
  /** A name or an address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** What `REDIS_URL` says. */
export interface RedisLocation {
  readonly topology: 'single' | 'sentinel' | 'cluster';
  readonly nodes: readonly [RedisNode, ...RedisNode[]];
  /** What Sentinels call the primary; empty in the other topologies. */
  readonly masterName: string;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly encrypted: boolean;
}

/** PEM texts; an undefined member leaves the choice to Node. */
export interface RedisTls {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface RedisSettings {
  readonly address: Omit<RedisLocation, 'encrypted'> & { readonly tls: RedisTls | undefined };
  readonly timeoutMs: number;
  readonly writeWithoutLock: 'allow' | 'refuse';
}

const SCHEME = /^redis(s?)(?:\+(sentinel|cluster))?:\/\//;
const DEFAULT_PORTS = { single: 6379, sentinel: 26_379, cluster: 6379 } as const;
const FAULT_SCHEME =
  'must begin with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://';

/**
 * Reads `redis://user:password@host:port/0`, `redis+sentinel://host:port,host:port/master-name/0` or
 * `redis+cluster://host:port,host:port`; each with `rediss` for TLS.
 * @throws Error whose message says what is wrong and quotes nothing of the address.
 */
export function parseRedisUrl(value: string): RedisLocation {
  const scheme = SCHEME.exec(value);
  if (scheme === null) throw new Error(FAULT_SCHEME);
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
    .map((node) => parseNode(node, DEFAULT_PORTS[topology]));
  const [first, ...others] = nodes;
  if (first === undefined || (topology === 'single' && others.length > 0)) {
    throw new Error('must name one host, or use redis+sentinel:// or redis+cluster:// for several');
  }
  return {
    topology,
    nodes: [first, ...others],
    ...parsePath(topology, path),
    username: decode(username) || undefined,
    password: decode(passwords.join(':')) || undefined,
    encrypted: scheme[1] === 's',
  };
}

function parseNode(node: string, defaultPort: number): RedisNode {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(node);
  const [, v6, name, digits] = match ?? [];
  const port = digits === undefined ? defaultPort : Number(digits);
  const host = v6 ?? name ?? '';
  if (match === null || port < 1 || port > 65_535 || (v6 !== undefined && !isIPv6(v6)) || /\s/.test(host)) {
    throw new Error('must name hosts as host, host:port or [IPv6 address]:port');
  }
  return { host: v6 ?? decode(host), port };
}

function parsePath(topology: RedisLocation['topology'], path: readonly string[]) {
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

const redisUrl = z.string().transform((value, context) => {
  try {
    return parseRedisUrl(value);
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : FAULT_SCHEME);
    return z.NEVER;
  }
});

export const REDIS_VARIABLES = {
  REDIS_URL: {
    description:
      'Redis or Valkey that replicas share: `redis://user:password@host:6379/0`, `redis+sentinel://host:26379,host:26379/master-name`, `redis+cluster://host:6379,host:6379`, or the same with `rediss` for TLS. Unset, each process is on its own.',
    secret: true,
    schema: redisUrl,
  },
  REDIS_CA_FILE: {
    description:
      'Certificates (PEM) of the authorities that Redis may be certified by, in place of Node’s own.',
    schema: text,
  },
  REDIS_CERT_FILE: {
    description: 'Certificate (PEM) that is shown to a Redis that asks for one, with `REDIS_KEY_FILE`.',
    schema: text,
  },
  REDIS_KEY_FILE: { description: 'Private key (PEM) of that certificate.', schema: text },
  REDIS_TIMEOUT_MS: {
    description: 'Longest wait for one command to Redis, in milliseconds.',
    default: '500',
    schema: integer(50, 10_000),
  },
  WRITE_WITHOUT_LOCK: {
    description:
      'What happens to writes when Redis has been silent for longer than a write lock lasts: `allow` them, in order within each process only, or `refuse` them (503 `lock_unavailable`).',
    default: 'allow',
    schema: z.enum(['allow', 'refuse'], 'must be allow or refuse'),
  },
} as const satisfies Readonly<Record<string, Variable<unknown>>>;

interface Readers {
  readonly optional: <T>(name: VariableName, variable: Variable<T>) => T | undefined;
  readonly required: <T>(name: VariableName, variable: Variable<T>, fallback: T) => T;
  /** The text of a file that a variable names. */
  readonly readPem: (name: string, path: string) => string | undefined;
}

/** @returns undefined without `REDIS_URL`. */
export function readRedis(
  { optional, required, readPem }: Readers,
  faults: string[],
): RedisSettings | undefined {
  const { REDIS_URL, REDIS_CA_FILE, REDIS_CERT_FILE, REDIS_KEY_FILE, REDIS_TIMEOUT_MS, WRITE_WITHOUT_LOCK } =
    REDIS_VARIABLES;
  const location = optional('REDIS_URL', REDIS_URL);
  const pem = (name: VariableName, path: string | undefined) =>
    path === undefined ? undefined : readPem(name, path);
  const tls = {
    ca: pem('REDIS_CA_FILE', optional('REDIS_CA_FILE', REDIS_CA_FILE)),
    cert: pem('REDIS_CERT_FILE', optional('REDIS_CERT_FILE', REDIS_CERT_FILE)),
    key: pem('REDIS_KEY_FILE', optional('REDIS_KEY_FILE', REDIS_KEY_FILE)),
  };
  const timeoutMs = required('REDIS_TIMEOUT_MS', REDIS_TIMEOUT_MS, 0);
  const writeWithoutLock = required('WRITE_WITHOUT_LOCK', WRITE_WITHOUT_LOCK, 'refuse');
  if (location === undefined) return undefined;
  const { encrypted, ...address } = location;
  const given = Object.values(tls).some((part) => part !== undefined);
  if (given && !encrypted)
    faults.push('REDIS_URL: must begin with rediss for the REDIS_*_FILE that are given');
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    faults.push('REDIS_CERT_FILE: needs REDIS_KEY_FILE, and that one needs it');
  }
  return { address: { ...address, tls: encrypted ? tls : undefined }, timeoutMs, writeWithoutLock };
}
