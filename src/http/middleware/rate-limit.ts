/**
 * How often an address may send a token or proof that is refused. Beyond that, it is answered before anything is
 * verified, so that no client can make this service spend its time on signatures.
 */
import type { Request } from 'express';
import ipaddr from 'ipaddr.js';
import { AppError, type ErrorCode } from '../../lib/app-error.ts';
import { createBoundedMap } from '../../lib/bounded-map.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Count, Quota, RateLimit } from '../../redis/rate-limit.ts';
import { wantsRevalidation } from '../request-options.ts';
import { getContext, setHeader } from './request-context.ts';

// Which network an address belongs to, for what is counted by address.

/** Longer than any address; what a misconfigured proxy passes on may be anything. */
const MAX_CHARACTERS = 64;

/** What an IPv6 host has for itself: it can use any address of it. */
const GROUPS_OF_NETWORK = 4;

/**
 * An IPv4 address as it is, also where it is written as an IPv6 one (RFC 4291 section 2.5.5.2); an IPv6 one as its
 * first 64 bits, because a single host has all addresses below them. Some proxies write a port behind the address: it
 * says nothing of who calls. What is no address counts as the text that it is, up to 64 characters.
 */
export function getNetwork(address: string): string {
  const bare = withoutPort(address);
  // The library understands shorter notations of IPv4, too, which no socket and no proxy writes.
  if (bare.length > MAX_CHARACTERS || !bare.includes(':') || !ipaddr.IPv6.isValid(bare)) {
    return bare.slice(0, MAX_CHARACTERS);
  }
  const parsed = ipaddr.IPv6.parse(bare);
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  return `${parsed.parts
    .slice(0, GROUPS_OF_NETWORK)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

function withoutPort(address: string): string {
  const [, v4, v6] = /^(?:([\d.]+)|\[([^\]]+)\]):\d+$/.exec(address) ?? [];
  return v4 ?? v6 ?? address;
}

// What a client sees of a limit: `RateLimit` and `RateLimit-Policy` as the IETF draft
// (draft-ietf-httpapi-ratelimit-headers) writes them, and the refusal of one too many.

/** A closed set: the names are part of answers and metrics. */
export type LimitName = 'reads' | 'writes' | 'auth-failures';

export interface NamedLimit extends RateLimit {
  readonly name: LimitName;
  /** The value of `RateLimit-Policy`. */
  readonly policy: string;
}

export function nameLimit(name: LimitName, limit: RateLimit): NamedLimit {
  const { points, windowSeconds }: Quota = limit.quota;
  return { ...limit, name, policy: `"${name}";q=${points};w=${windowSeconds}` };
}

/** They stay on the answer, whether the request succeeds or fails. */
function addRateLimitHeaders(
  req: Request,
  { name, policy }: NamedLimit,
  { remaining, resetMs }: Count,
): void {
  const { headers } = getContext(req);
  setHeader(headers, 'RateLimit-Policy', policy);
  setHeader(headers, 'RateLimit', `"${name}";r=${remaining};t=${toSeconds(resetMs)}`);
}

function createLimitError(message: string, { resetMs }: Count): AppError {
  return new AppError('rate_limited', message, { retryAfterSeconds: Math.max(1, toSeconds(resetMs)) });
}

/** Rounded up, so that a client that waits so long is not too early. */
function toSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

export interface AddressLimit {
  /** @throws AppError `rate_limited` for an address that has used up its refusals. */
  assertWithinLimit(req: Request): void;
  /** Counts a refusal, if it is one of a token or proof. */
  countRefusal(req: Request, error: AppError): Promise<void>;
}

interface Dependencies {
  /** Undefined where there is no limit. */
  readonly failures: NamedLimit | undefined;
  readonly clock: Clock;
  readonly onRefused: (limit: NamedLimit['name']) => void;
}

/** Not `token_missing`: that costs nothing, and is what a browser gets whose login has ended. */
const COUNTED: ReadonlySet<ErrorCode> = new Set(['token_invalid', 'dpop_proof_invalid']);

export function createAddressLimit(
  { failures, clock, onRefused }: Dependencies,
  { maxAddresses }: { readonly maxAddresses: number },
): AddressLimit {
  if (failures === undefined)
    return { assertWithinLimit: () => undefined, countRefusal: async () => undefined };
  /** When each may come again. */
  const closedUntil = createBoundedMap<number>(maxAddresses);

  return {
    assertWithinLimit(req) {
      // The usual case, in which the address need not be parsed.
      if (closedUntil.size === 0) return;
      const network = getNetwork(req.ip ?? '');
      const until = closedUntil.get(network);
      if (until === undefined) return;
      const count = { within: false, remaining: 0, resetMs: until - clock.now() };
      if (count.resetMs <= 0) {
        closedUntil.delete(network);
        return;
      }
      addRateLimitHeaders(req, failures, count);
      onRefused(failures.name);
      throw createLimitError(
        'Too many requests from this address carried a token or proof that was refused.',
        count,
      );
    },
    async countRefusal(req, { code }) {
      if (!COUNTED.has(code)) return;
      const network = getNetwork(req.ip ?? '');
      const { remaining, resetMs } = await failures.count(network);
      if (remaining === 0) closedUntil.set(network, clock.now() + resetMs);
    },
  };
}

// How often a user may read and write. A request counts once its caller is known, before anything else of it is
// read; one too many reaches nothing else.

/** Counts a request of this user. @throws AppError `rate_limited`. */
export type CountCaller = (req: Request, userId: string) => Promise<void>;

interface CallerLimits {
  /** Undefined where there is no limit. */
  readonly reads: NamedLimit | undefined;
  readonly writes: NamedLimit | undefined;
}

interface CallerLimitsDependencies extends CallerLimits {
  readonly onRefused: (limit: NamedLimit['name']) => void;
}

export function createCallerLimits({ reads, writes, onRefused }: CallerLimitsDependencies): CountCaller {
  return async function countCaller(req, userId) {
    const limit = isRead(req) ? reads : writes;
    if (limit === undefined) return;
    const count = await limit.count(userId);
    addRateLimitHeaders(req, limit, count);
    if (count.within) return;
    onRefused(limit.name);
    throw createLimitError(`More ${limit.name} than ${limit.quota.points} a minute.`, count);
  };
}

/** A read past the cache costs the tenant what a write does. */
function isRead(req: Request): boolean {
  return (req.method === 'GET' || req.method === 'HEAD') && !wantsRevalidation(req);
}
