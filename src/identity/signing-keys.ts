/**
 * The signing keys of the trusted issuers, fetched and kept here. An issuer that cannot be reached is an outage, and
 * never a bad token: its keys stay usable for a bounded time, and without any the error says so.
 */
import type { JSONWebKeySet, JWK } from 'jose';
import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { AppError, SafeError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { HttpClient } from '../lib/http-client.ts';
import { parseJsonText } from '../lib/json.ts';
import { createSingleFlight } from '../lib/promises.ts';
import { OTHER_ISSUER, SIGNING_ALGORITHMS, createTokenError } from './access-token.ts';
import type { Caller } from './caller.ts';

// What an issuer publishes (RFC 7517), as far as it can verify tokens here. A member that is odd, for another purpose
// or of an unknown type costs nothing but itself (RFC 7517 section 5).

/** One fetched state of an issuer. The object's identity changes with every fetch that changed it. */
export interface KeySet {
  /** The issuer exactly as its tokens name it in `iss`. */
  readonly issuer: string;
  /**
   * In each list no two keys are alike to a token. All keys but the second and later ones of one id are in the first.
   */
  readonly lists: readonly JSONWebKeySet[];
}

const jwksSchema = z.object({ keys: z.array(z.unknown()) });

const MAX_KEYS = 100;

/** As many keys may share an id. One more can only be a fault, and each costs a signature check. */
const MAX_KEYS_PER_ID = 4;

/** RFC 7518 section 3.3 and 3.5. jose verifies nothing with a shorter one. */
const MIN_RSA_BITS = 2048;

const keyText = z.string().min(1);

/** Of each member what a verification needs. The private half of a key must not be known, so such a key is none. */
const keySchema = z
  .looseObject({
    kid: z.string().optional(),
    alg: z.enum(SIGNING_ALGORITHMS).optional(),
    use: z.literal('sig').optional(),
    key_ops: z
      .array(z.unknown())
      .refine((operations) => operations.includes('verify'))
      .optional(),
    d: z.undefined().optional(),
  })
  .and(
    z.discriminatedUnion('kty', [
      z.looseObject({ kty: z.literal('RSA'), n: keyText, e: keyText }),
      z.looseObject({
        kty: z.literal('EC'),
        crv: z.enum(['P-256', 'P-384', 'P-521']),
        x: keyText,
        y: keyText,
      }),
    ]),
  );

/** The keys among `members` that verify tokens, at most 100, each once. */
export function parseUsableKeys(members: readonly unknown[]): readonly JWK[] {
  const usable = new Map<string, JWK>();
  for (const member of members) {
    const key = parseUsableKey(member);
    if (key !== undefined) usable.set(JSON.stringify(key), key);
    if (usable.size === MAX_KEYS) break;
  }
  return [...usable.values()];
}

function parseUsableKey(member: unknown): JWK | undefined {
  const result = keySchema.safeParse(member);
  if (!result.success) return undefined;
  const { data } = result;
  const named = {
    ...(data.kid === undefined ? {} : { kid: data.kid }),
    ...(data.alg === undefined ? {} : { alg: data.alg }),
  };
  const key =
    data.kty === 'RSA'
      ? { kty: data.kty, ...named, n: data.n, e: data.e }
      : { kty: data.kty, ...named, crv: data.crv, x: data.x, y: data.y };
  return isSound(key) ? key : undefined;
}

/** Whether the numbers in it make a key that is long enough. */
function isSound(key: JWK & { readonly kty: 'RSA' | 'EC' }): boolean {
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key, format: 'jwk' });
    return key.kty === 'EC' || (asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS;
  } catch {
    return false;
  }
}

/**
 * Keys in lists in which a token finds one key at most: jose refuses to choose. An issuer that gives two keys the
 * same id, as one may during a rotation, so has the tokens of both accepted.
 */
export function groupKeysById(keys: readonly JWK[]): readonly JSONWebKeySet[] {
  const lists: JWK[][] = [];
  const counts = new Map<string, number>();
  for (const key of keys) {
    const name = JSON.stringify([key.kid, key.kty, key.crv]);
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    if (count < MAX_KEYS_PER_ID) (lists[count] ??= []).push(key);
  }
  return lists.map((list) => ({ keys: list }));
}

/** The lists in which a key for this token may be. */
export function getKeyLists({ lists }: KeySet, keyId: string | undefined): readonly JSONWebKeySet[] {
  return lists.filter(({ keys }, index) => index === 0 || keys.some(({ kid }) => kid === keyId));
}

export function hasKey({ lists }: KeySet, keyId: string): boolean {
  return lists[0]?.keys.some(({ kid }) => kid === keyId) ?? false;
}

/** The keys that a token with this key id may have been verified with, as one text to compare. */
function serializeKeys(keySet: KeySet | undefined, keyId: string | undefined): string {
  const keys = keySet?.lists.flatMap((list) => list.keys) ?? [];
  return JSON.stringify(keyId === undefined ? keys : keys.filter(({ kid }) => kid === keyId));
}

export interface SigningKeys {
  /** As it is configured, with its trailing slash. */
  readonly issuer: string;
  /**
   * The keys to verify a token with whose header names `kid`. An unknown one is looked for at the issuer,
   * as often as the rate limit allows. The cached keys are returned when it is not there either.
   * @throws AppError `keys_unavailable` when the issuer cannot be asked and no cached key will do.
   */
  getKeys(kid: string | undefined): Promise<KeySet>;
  /** @returns the cached keys, without a request; undefined where none are usable. */
  getCurrent(): KeySet | undefined;
  /** Whether tokens can be verified without asking the issuer. */
  isReady(): boolean;
  /** Stale: usable, and their renewal is overdue. None: not usable. */
  getState(): KeyState;
  /** From now on, calls the listener when other keys are cached than before, or none any more. */
  onChange(listener: () => void): void;
}

export type KeyState = 'fresh' | 'stale' | 'none';

interface SigningKeysOptions {
  /** With its trailing slash, as Auth0 writes it in `iss`. */
  readonly issuer: string;
  /** Given, discovery is skipped. */
  readonly jwksUri: string | undefined;
  /** Whether keys may be fetched from an address that discovery names: the same that is asked of `jwksUri`. */
  readonly acceptsAddress: (url: string) => boolean;
  /** Older keys are fetched anew in the background. */
  readonly refreshAfterMs: number;
  /** Older keys verify nothing: the bound on trusting a key that may have been retired in the meantime. */
  readonly maxStaleMs: number;
  /** Pause after a failed fetch before the next. */
  readonly retryAfterMs: number;
  /** Fetches that unknown key ids may cause at once; one more is earned each `unknownKeyRefillMs`. */
  readonly unknownKeyBurst: number;
  readonly unknownKeyRefillMs: number;
}

/** Receives what the metrics count. */
export interface KeyObserver {
  /** `missing`: no usable key is cached. `unknown`: none with this id is cached. */
  onLookup(outcome: 'fresh' | 'stale' | 'missing' | 'unknown'): void;
  onFetch(outcome: 'ok' | 'failed'): void;
}

interface Dependencies {
  readonly http: HttpClient;
  /** Monotonic: it measures ages and pauses. */
  readonly clock: Clock;
  readonly observer?: KeyObserver | undefined;
}

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });

const removeTrailingSlash = (url: string): string => url.replace(/\/$/, '');

export function createSigningKeys(
  { http, clock, observer }: Dependencies,
  options: SigningKeysOptions,
): SigningKeys {
  let cached: { readonly set: KeySet; readonly fetchedAt: number } | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;
  let allowance = options.unknownKeyBurst;
  let allowanceAt = clock.now();
  const listeners: Array<() => void> = [];

  function setCurrent(next: typeof cached): void {
    const changed = next?.set !== cached?.set;
    cached = next;
    if (!changed) return;
    for (const listener of listeners) listener();
  }

  async function getJson<T>(url: string, schema: z.ZodType<T>): Promise<T> {
    const { status, text } = await http.send({ method: 'GET', url, operation: 'issuer.keys' });
    const value = status === 200 ? parseJsonText(text, schema) : undefined;
    if (value === undefined) throw new SafeError(`no usable document from the issuer (${status})`);
    return value;
  }

  async function discover(): Promise<{ issuer: string; jwks_uri: string }> {
    if (options.jwksUri) return { issuer: options.issuer, jwks_uri: options.jwksUri };
    const base = removeTrailingSlash(options.issuer);
    const found = await getJson(`${base}/.well-known/openid-configuration`, discoverySchema);
    // RFC 8414 section 3.3: a document that speaks for another issuer must not be used.
    if (removeTrailingSlash(found.issuer) !== base) throw new SafeError('discovery names another issuer');
    if (!options.acceptsAddress(found.jwks_uri)) throw new SafeError('discovery names an unsafe jwks_uri');
    return found;
  }

  const fetchKeys = createSingleFlight(async () => {
    try {
      const { issuer, jwks_uri: jwksUri } = await discover();
      const { keys } = await getJson(jwksUri, jwksSchema);
      const usable = parseUsableKeys(keys);
      // An issuer always has a key; a list without one is a fault of its, not of every token.
      if (usable.length === 0) throw new SafeError('the issuer publishes no key that verifies');
      const fetched: KeySet = { issuer, lists: groupKeysById(usable) };
      const set = cached && JSON.stringify(cached.set) === JSON.stringify(fetched) ? cached.set : fetched;
      setCurrent({ set, fetchedAt: clock.now() });
      failedAt = Number.NEGATIVE_INFINITY;
      observer?.onFetch('ok');
      return set;
    } catch (cause) {
      failedAt = clock.now();
      observer?.onFetch('failed');
      throw createUnavailableError(cause);
    }
  });

  function createUnavailableError(cause?: unknown): AppError {
    return new AppError('keys_unavailable', 'The keys to verify tokens with cannot be fetched now.', {
      retryAfterSeconds: Math.max(1, Math.ceil(options.retryAfterMs / 1000)),
      cause,
    });
  }

  /** Asks the issuer, unless it failed a moment ago. */
  async function fetchUnlessFailed(): Promise<KeySet> {
    if (clock.now() - failedAt < options.retryAfterMs) throw createUnavailableError();
    return fetchKeys();
  }

  /** Drops keys whose time is over, which tells those that rely on them. */
  function getUsable(): KeySet | undefined {
    if (cached && clock.now() - cached.fetchedAt >= options.maxStaleMs) setCurrent(undefined);
    return cached?.set;
  }

  function getState(): KeyState {
    if (!getUsable() || !cached) return 'none';
    return clock.now() - cached.fetchedAt > options.refreshAfterMs ? 'stale' : 'fresh';
  }

  function spendAllowance(): boolean {
    const earned = Math.floor((clock.now() - allowanceAt) / options.unknownKeyRefillMs);
    allowance = Math.min(options.unknownKeyBurst, allowance + earned);
    allowanceAt += earned * options.unknownKeyRefillMs;
    if (allowance === 0) return false;
    allowance -= 1;
    return true;
  }

  return {
    issuer: options.issuer,
    async getKeys(kid) {
      const set = getUsable();
      if (!set) {
        observer?.onLookup('missing');
        return fetchUnlessFailed();
      }
      const known = kid === undefined || hasKey(set, kid);
      if (!known) {
        observer?.onLookup('unknown');
        if (clock.now() - failedAt < options.retryAfterMs) throw createUnavailableError();
        return spendAllowance() ? fetchUnlessFailed() : set;
      }
      const stale = getState() === 'stale';
      // The caller does not wait for it, and a failure only matters once the keys are too old.
      if (stale) fetchUnlessFailed().catch(() => undefined);
      observer?.onLookup(stale ? 'stale' : 'fresh');
      return set;
    },
    getCurrent: getUsable,
    isReady: () => getUsable() !== undefined,
    getState,
    onChange(listener) {
      listeners.push(listener);
    },
  };
}

// The issuers whose tokens are accepted: one tenant, by each of its domains. Each has keys of its own, and a key of
// one verifies no token of another.

export interface TrustedIssuers {
  readonly all: readonly SigningKeys[];
  /**
   * The keys to verify a token with that names this issuer and key, before anything of it is verified.
   * @throws AppError `token_invalid` for an issuer that is not listed, of which nothing is fetched;
   * `keys_unavailable` as `SigningKeys` does.
   */
  getKeys(issuer: unknown, keyId: string | undefined): Promise<KeySet>;
  /** Whether these very keys still are those of their issuer. */
  isCurrent(keySet: KeySet): boolean;
  /** Whether tokens of at least one issuer can be verified without asking it. */
  isAnyReady(): boolean;
  /** Whether those of each can. */
  areAllReady(): boolean;
  /** The worst of all. */
  getWorstState(): KeyState;
  /**
   * Calls `end` once when the key that verified the caller's token is no longer the issuer's, at once if that is so
   * already. Returns the function that ends the watch.
   */
  watchRevoked(caller: Pick<Caller, 'issuer' | 'keyId'>, end: () => void): () => void;
}

interface Watcher {
  readonly keyId: string | undefined;
  readonly material: string;
  readonly end: () => void;
}

const WORST_FIRST: readonly KeyState[] = ['none', 'stale', 'fresh'];
/** What `serializeKeys` answers where the key is not cached. */
const NO_KEY = serializeKeys(undefined, undefined);
const NOTHING_TO_END = (): void => undefined;

export function createTrustedIssuers(all: readonly SigningKeys[]): TrustedIssuers {
  // Auth0 writes the slash at the end; where discovery names the issuer without it, its tokens do, too.
  const byName = new Map(all.map((keys) => [removeTrailingSlash(keys.issuer), keys]));
  const watchers = new Map(all.map((keys) => [keys, new Set<Watcher>()]));

  for (const [keys, watching] of watchers) {
    keys.onChange(() => {
      const cached = keys.getCurrent();
      const materials = new Map<string | undefined, string>();
      for (const watcher of watching) {
        const { keyId, material, end } = watcher;
        const now = materials.get(keyId) ?? serializeKeys(cached, keyId);
        materials.set(keyId, now);
        if (now === material) continue;
        watching.delete(watcher);
        end();
      }
    });
  }

  function find(issuer: unknown): SigningKeys | undefined {
    return typeof issuer === 'string' ? byName.get(removeTrailingSlash(issuer)) : undefined;
  }

  return {
    all,
    async getKeys(issuer, keyId) {
      const keys = find(issuer);
      if (keys === undefined) throw createTokenError(OTHER_ISSUER);
      return keys.getKeys(keyId);
    },
    isCurrent: (keySet) => all.some((keys) => keys.getCurrent() === keySet),
    isAnyReady: () => all.some((keys) => keys.isReady()),
    areAllReady: () => all.every((keys) => keys.isReady()),
    getWorstState() {
      const states = new Set(all.map((keys) => keys.getState()));
      return WORST_FIRST.find((state) => states.has(state)) ?? 'none';
    },
    watchRevoked({ issuer, keyId }, end) {
      const keys = find(issuer);
      const watching = keys && watchers.get(keys);
      const material = serializeKeys(keys?.getCurrent(), keyId);
      if (watching === undefined || material === NO_KEY) {
        end();
        return NOTHING_TO_END;
      }
      const watcher = { keyId, material, end };
      watching.add(watcher);
      return () => void watching.delete(watcher);
    },
  };
}
