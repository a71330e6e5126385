/**
 * The interfaces that the rules on metadata need: the tenant, the read cache, the write lock. `auth0/`, `cache/` and
 * `redis/` implement them.
 */
import type { JsonObject } from '../lib/json.ts';

/** The part of a tenant's user that this service reads. It does not name the user; the key it is stored under does. */
export interface Profile {
  /** Empty where the tenant holds none, or `null`. */
  readonly userMetadata: JsonObject;
  /**
   * Set where the tenant holds a text, a list, a number or a boolean as `user_metadata` (a mapping of attributes can do
   * that). `userMetadata` is then empty, and nothing but to replace or to remove the whole is possible.
   */
  readonly isUnreadable?: true | undefined;
  readonly appMetadata: JsonObject;
  /** The tenant's own time stamp, ISO 8601; absent where the tenant sends none. */
  readonly updatedAt: string | undefined;
}

/** Who acts: always on their own metadata, through one application. */
export interface Subject {
  readonly userId: string;
  /** The application, which the operator's policy may narrow. */
  readonly clientId: string | undefined;
  /** Of the access token. */
  readonly scopes: ReadonlySet<string>;
  /** Who acts for the user. Undefined: the user in person. */
  readonly actor: { readonly sub: string } | undefined;
  readonly login?: Login | undefined;
  /** The claims of the access token that mirror stored values, as far as it carries them. */
  readonly mappedClaims: JsonObject;
}

/** What the access token says of the login behind it. */
export interface Login {
  /** When, in seconds since the epoch. */
  readonly authTime: number | undefined;
  /** Its authentication context class. */
  readonly acr: string | undefined;
}

/**
 * Changes to the first level of `user_metadata`: a value replaces that key whole, `null` removes it.
 * Never empty: the Management API takes an empty object to mean "remove everything".
 */
export type RootChanges = JsonObject;

/** What is served first where the tenant's request budget is short. No caller waits for a `refresh`. */
export type Priority = 'write' | 'read' | 'refresh';

export interface CallOptions {
  readonly priority: Priority;
  /** Of a refresh: how near the end of its time the copy is, from 0 (just stale) to 1. */
  readonly staleness?: number;
  /**
   * Completes a write for which a read was spent already, and so goes before writes that have not begun: where the budget
   * is short, reads whose writes then find nothing left would use it up.
   */
  readonly continuesWrite?: boolean;
  /** Rather refused than kept waiting for the budget, because an older answer will do. */
  readonly failFast?: boolean;
  /** When the caller stops waiting, in milliseconds since the epoch. By default a full wait from now. */
  readonly deadlineAt?: number;
  /** Awaited each time a request is about to leave, when nothing but sending is left to do. A throw stops it. */
  readonly beforeSending?: () => Promise<void>;
  /** Goes along with the request, and into the tenant's log of changes: up to 64 of `\w` and `-`. */
  readonly correlationId?: string;
  /** How many writes of callers a change stands for. By default one. */
  readonly batchSize?: number;
}

/** What a write learns of the change that carries it to the tenant. */
export interface SentWrite {
  /** Names the request to the tenant, which other writes of the same group may share. */
  readonly correlationId: string;
  /** The first-level keys that this write changes; a later write of its group may change them again. */
  readonly keys: readonly string[];
}

/**
 * Called right before the change is sent. The write's own outcome says whether it was applied. A write
 * that changes nothing, or is refused before anything is sent, gets no receipt.
 */
export type OnSent = (receipt: SentWrite) => void;

/** The tenant, seen through the only two operations this service performs on a user. */
export interface UserDirectory {
  /** @throws AppError `user_not_found` or an `upstream_*` code. */
  read(userId: string, options: CallOptions): Promise<Profile>;
  /**
   * Applies `changes` at the first level and answers the user as the tenant holds it afterwards.
   * @throws AppError; with `outcome: 'unknown'` when the change may have been applied all the same.
   */
  change(userId: string, changes: RootChanges, options: CallOptions): Promise<Profile>;
  /**
   * Removes the whole `user_metadata`, whatever it is, and answers the user as the tenant holds it afterwards. For
   * what is no object and so has no keys that could be removed by name: anything else that was stored meanwhile goes, too.
   * @throws AppError as `change` does.
   */
  clear(userId: string, options: CallOptions): Promise<Profile>;
}

/** The applications of the tenant, of which only their settings are read. */
export interface ClientDirectory {
  /**
   * The application's `client_metadata`.
   * @throws AppError `client_not_allowed` when the tenant knows no such application, or `upstream_*`.
   */
  read(clientId: string, options: CallOptions): Promise<JsonObject>;
}

/** A hold on a user's right to be written, by one process of many. */
export interface LockHandle {
  /** @throws AppError when the hold was lost meanwhile: then nothing may be sent. */
  refresh(): Promise<void>;
  /** What was sent may yet be applied: the hold then lasts beyond the task, for its bound. */
  keepForBound(): void;
}

/** One writer per user, across processes. */
export interface WriteLock {
  /** Runs the task while no other process does so for this user. */
  withLock<T>(userId: string, task: (lockHandle: LockHandle) => Promise<T>): Promise<T>;
}

/** Where an answer came from, in the terms of RFC 9211 (Cache-Status). */
export type Freshness =
  | { readonly kind: 'hit'; readonly ttlSeconds: number }
  | { readonly kind: 'miss'; readonly stored: boolean }
  | { readonly kind: 'collapsed' }
  | { readonly kind: 'request'; readonly stored: boolean }
  /** `ttlSeconds` is negative: for how long the value has been stale. */
  | { readonly kind: 'stale-while-revalidate'; readonly ttlSeconds: number }
  /** Negative here, too, unless a copy stands in that is still fresh by its age. */
  | { readonly kind: 'stale-if-error'; readonly ttlSeconds: number };

export interface Cached<V> {
  readonly value: V;
  readonly freshness: Freshness;
  /** Seconds since the tenant was asked. */
  readonly ageSeconds: number;
}

/** `missed`: announcements may have been lost, for any number of ids at once. */
export type WatchReason = 'changed' | 'missed';

/** Values of the tenant by their id there: profiles by user, settings by application. */
export interface ReadCache<V> {
  /**
   * The value, from memory where the freshness rules allow it. `revalidate` asks the tenant.
   * @throws what the directory throws, when no stale copy may be served instead.
   */
  read(id: string, options?: { readonly revalidate?: boolean }): Promise<Cached<V>>;
  /** The cached value, if a reader would be given it. Sends no request. */
  peek(id: string): V | undefined;
  /** Forgets the value everywhere; reads that are under way will not fill the cache. */
  invalidate(id: string): Promise<void>;
  /**
   * The same, except for the value that a change made here left and announced, if `isKnown` says that this value
   * includes the news already. @returns whether the value was forgotten.
   */
  invalidateUnless(id: string, isKnown: (value: V) => boolean): Promise<boolean>;
  /**
   * Runs a change of the value. `send` calls `begin` whenever the change is about to leave, and answers the value
   * as the tenant holds it afterwards. The cached value is forgotten everywhere, at `begin` and when `send` has ended,
   * also when it failed. The answer of `send` is kept for the next reader, unless another change came in between. Where
   * `begin` was not called, nothing is forgotten.
   */
  change(id: string, send: (begin: () => Promise<void>) => Promise<V>): Promise<V>;
  /** Calls the listener whenever the value may have changed. Returns the function that ends this. */
  watch(id: string, listener: (reason: WatchReason) => void): () => void;
}

export type MetadataCache = ReadCache<Profile>;
