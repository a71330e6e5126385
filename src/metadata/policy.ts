/**
 * Who may see and change which key. What a caller may not read does not exist for it: not in reads, tags, tests of a
 * patch, errors or sizes. Every rule of the policy can only take away; `combineRules` says what is left.
 */
import { AppError } from '../lib/app-error.ts';
import { jsonEqual, type JsonObject } from '../lib/json.ts';
import { parsePointer, resolvePath } from './json-pointer.ts';
import type { Cached, Profile, ReadCache, Subject } from './ports.ts';

/** Top-level keys of the metadata. */
type KeySet = ReadonlySet<string> | 'all';

/** What the schema says of a place that callers may not change. What nothing lifts is said first. */
const SCHEMA_REASONS = ['stamped', 'schema', 'write_once'] as const;

export type SchemaReason = (typeof SCHEMA_REASONS)[number];

/** Why a place cannot be changed. */
export const REASONS = [...SCHEMA_REASONS, 'application', 'scope', 'delegation', 'app_metadata'] as const;

export type Reason = (typeof REASONS)[number];

/** A part of the policy: the most that it allows. */
export interface Rule {
  readonly reason: Reason;
  readonly readable: KeySet;
  readonly writable: KeySet;
}

/** A place of the metadata, as far as rules look at it. */
export interface PolicyPlace {
  /** The top-level key that it is or stands in. Undefined: a key that no rule names. */
  readonly key: string | undefined;
  /** Why the schema fixes it, if it does. */
  readonly fixedBy?: ReadonlySet<SchemaReason>;
}

interface CombinedRules {
  readonly readable: KeySet;
  /** The first reason why the place cannot be changed, or undefined where it can. */
  readonly getLock: (place: PolicyPlace) => Reason | undefined;
}

/**
 * The composition rule, the only one there is: a place can be read where every rule lets it be read, and changed where
 * every rule and the schema let it be changed. So no rule opens what another one closes.
 */
export function combineRules(rules: readonly Rule[]): CombinedRules {
  return {
    readable: rules.map((rule) => rule.readable).reduce(intersect, 'all'),
    getLock: ({ key, fixedBy }) =>
      SCHEMA_REASONS.find((reason) => fixedBy?.has(reason)) ??
      rules.find(({ writable }) => !includes(writable, key))?.reason,
  };
}

function intersect(left: KeySet, right: KeySet): KeySet {
  if (left === 'all') return right;
  return right === 'all' ? left : new Set([...left].filter((key) => right.has(key)));
}

function unite(left: KeySet, right: KeySet): KeySet {
  return left === 'all' || right === 'all' ? 'all' : new Set([...left, ...right]);
}

function includes(keys: KeySet, key: string | undefined): boolean {
  return keys === 'all' || (key !== undefined && keys.has(key));
}

function isEmpty(keys: KeySet): boolean {
  return keys !== 'all' && keys.size === 0;
}

const NO_KEYS: KeySet = new Set<string>();

/** `undefined` stands for every key. */
interface ClientNarrowing {
  readonly readable?: readonly string[] | undefined;
  /** Within `readable`. */
  readonly writable?: readonly string[] | undefined;
}

/** The keys that a scope opens. */
export interface ScopedKeys {
  readonly readable: readonly string[];
  /** Within `readable`. */
  readonly writable: readonly string[];
}

export interface DelegationPolicy {
  /** What a token with an actor may do at most; its scopes still decide what it may do at all. */
  readonly access: 'refuse' | 'read' | 'write';
  /** The `sub` of each outermost actor that may act. Empty: any. */
  readonly actors: readonly string[];
}

/** What an actor may do for a user, at most. Who acts in person may do everything. */
export function getDelegatedAccess(
  { access, actors }: DelegationPolicy,
  actor: Subject['actor'],
): DelegationPolicy['access'] {
  if (actor === undefined) return 'write';
  return actors.length > 0 && !actors.includes(actor.sub) ? 'refuse' : access;
}

/** The members of the policy that decide who may see and change which key. */
export interface AccessPolicy {
  readonly scopes: { readonly readMetadata: string; readonly updateMetadata: string };
  readonly scopedKeys: Readonly<Record<string, ScopedKeys>>;
  readonly clients: Readonly<Record<string, ClientNarrowing>>;
  readonly delegation: DelegationPolicy;
}

/** What one caller may do with a user's `user_metadata`: by its application, token and actor. */
export interface Access {
  /** The keys that may be read. Others do not exist. */
  readonly readable: KeySet;
  /** What can be read of the document. */
  getReadable(document: JsonObject): JsonObject;
  /** The document that writes are applied to: what can be read, and what can be changed unseen. */
  getVisible(document: JsonObject): JsonObject;
  /** The whole document when what is visible of `before` has become `after`. */
  restore(before: JsonObject, after: JsonObject): JsonObject;
  isReadable(key: string): boolean;
  isWritable(key: string): boolean;
  /** The first reason why the place cannot be changed, or undefined where it can. */
  readonly getLock: (place: PolicyPlace) => Reason | undefined;
  /** Whether no scope lets anything be read, so that answers to writes show nothing. */
  readonly readsNothing: boolean;
  /** Whether there are keys that can be changed and not read: with the general scope to write alone. */
  readonly writesUnseen: boolean;
}

/** @returns what each caller may do. One that no rule mentions sees and changes what the general scopes open. */
export function createAccess(policy: AccessPolicy): (subject: Subject) => Access {
  const { scopes, scopedKeys, clients, delegation } = policy;
  const ofClients = new Map(Object.entries(clients).map(([id, client]) => [id, createClientRule(client)]));
  const ofScopes = Object.entries(scopedKeys).map(([scope, { readable, writable }]) => ({
    scope,
    readable: new Set(readable),
    writable: new Set(writable),
  }));
  /** By the very subject: the caller of a verified token is the same with each request. */
  const known = new WeakMap<Subject, Access>();

  /** The keys of all scopes held are united. A general scope opens every key. */
  function createScopeRule(held: ReadonlySet<string>): Rule {
    const opening = ofScopes.filter(({ scope }) => held.has(scope));
    const open = (general: string, keys: readonly KeySet[]) =>
      held.has(general) ? 'all' : keys.reduce(unite, NO_KEYS);
    return {
      reason: 'scope',
      readable: open(
        scopes.readMetadata,
        opening.map(({ readable }) => readable),
      ),
      writable: open(
        scopes.updateMetadata,
        opening.map(({ writable }) => writable),
      ),
    };
  }

  function createDelegationRule(actor: Subject['actor']): Rule {
    const access = getDelegatedAccess(delegation, actor);
    return {
      reason: 'delegation',
      readable: access === 'refuse' ? NO_KEYS : 'all',
      writable: access === 'write' ? 'all' : NO_KEYS,
    };
  }

  return (subject) => {
    const access = known.get(subject);
    if (access !== undefined) return access;
    const client = subject.clientId === undefined ? undefined : ofClients.get(subject.clientId);
    const scopeRule = createScopeRule(subject.scopes);
    const rules = [...(client === undefined ? [] : [client]), scopeRule, createDelegationRule(subject.actor)];
    const created = toAccess(rules, isEmpty(scopeRule.readable));
    known.set(subject, created);
    return created;
  };
}

function createClientRule({ readable, writable = readable }: ClientNarrowing): Rule {
  return { reason: 'application', readable: toKeys(readable), writable: toKeys(writable) };
}

function toKeys(keys: readonly string[] | undefined): KeySet {
  return keys === undefined ? 'all' : new Set(keys);
}

function cut(document: JsonObject, keys: KeySet): JsonObject {
  return keys === 'all' ? document : pick(document, (key) => keys.has(key));
}

function toAccess(rules: readonly Rule[], readsNothing: boolean): Access {
  const { readable, getLock } = combineRules(rules);
  const writable = rules.map((rule) => rule.writable).reduce(intersect, 'all');
  const visible = unite(readable, writable);
  return {
    readable,
    getReadable: (document) => cut(document, readable),
    getVisible: (document) => cut(document, visible),
    restore: (before, after) =>
      visible === 'all' ? after : { ...pick(before, (key) => !visible.has(key)), ...after },
    isReadable: (key) => includes(readable, key),
    isWritable: (key) => getLock({ key }) === undefined,
    getLock,
    readsNothing,
    writesUnseen:
      readable !== 'all' && (writable === 'all' || [...writable].some((key) => !readable.has(key))),
  };
}

/** What `errors` of a refusal say, by the reason. */
const FIXED: Readonly<Record<SchemaReason, { readonly code: string; readonly detail: string }>> = {
  schema: { code: 'read_only', detail: 'This cannot be changed here.' },
  stamped: { code: 'stamped', detail: 'This is set by the service.' },
  write_once: { code: 'write_once', detail: 'This can be set once, and has been.' },
};

/** The error for values that the caller may not change. Without a reason of the schema, no rule of the policy lets it. */
export function createReadOnlyError(
  places: ReadonlyArray<{ readonly pointer: string; readonly reason?: SchemaReason }>,
): AppError {
  return new AppError('key_read_only', 'The request would change what this caller may not change.', {
    errors: places.map(({ pointer, reason = 'schema' }) => ({ pointer, ...FIXED[reason] })),
  });
}

export function pick(document: JsonObject, test: (key: string) => boolean): JsonObject {
  return Object.fromEntries(Object.entries(document).filter(([key]) => test(key)));
}

// Claims of access tokens that mirror stored values. A post-login Action copies the values into the token, which keeps
// them until the next one is issued.

/**
 * The names of the claims whose values in the subject's token differ from what is stored, sorted. Undefined where the
 * token carries no mapped claim.
 */
type FindStaleClaims = (
  subject: Subject,
  profile: Pick<Profile, 'userMetadata' | 'appMetadata'>,
  access: Access,
) => readonly string[] | undefined;

/**
 * @param claims by name: the JSON Pointer into `/me`. A claim that the token lacks is never stale, and neither is one
 * of a key that the subject may not read. Which part of `app_metadata` may be told is what the policy lists, because
 * the token shows the value already.
 */
export function createFindStaleClaims(claims: Readonly<Record<string, string>>): FindStaleClaims {
  const places = Object.entries(claims)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, pointer]) => {
      const [part = '', ...path] = parsePointer(pointer);
      return { name, isApp: part === 'app_metadata', key: path[0] ?? '', path };
    });

  /**
   * By profile, which is the same object while it is cached: what was found for the last caller, who is the same object
   * with each request of a verified token. Without it, three claims cost a cached read 8 % more.
   */
  const found = new WeakMap<object, { subject: Subject; staleClaims: readonly string[] | undefined }>();

  function compare(
    { mappedClaims }: Subject,
    { userMetadata, appMetadata }: Pick<Profile, 'userMetadata' | 'appMetadata'>,
    access: Access,
  ): readonly string[] | undefined {
    const carried = places.filter(({ name }) => Object.hasOwn(mappedClaims, name));
    if (carried.length === 0) return undefined;
    return carried
      .filter(({ isApp, key }) => isApp || access.isReadable(key))
      .filter(
        ({ name, isApp, path }) =>
          !jsonEqual(mappedClaims[name], resolvePath(isApp ? appMetadata : userMetadata, path)),
      )
      .map(({ name }) => name);
  }

  return (subject, profile, access) => {
    if (places.length === 0) return undefined;
    const last = found.get(profile);
    if (last?.subject === subject) return last.staleClaims;
    const staleClaims = compare(subject, profile, access);
    found.set(profile, { subject, staleClaims });
    return staleClaims;
  };
}

// `client_metadata` of the application that calls: settings the operator keeps with it, of which callers
// may read the allow-listed part.

export interface ClientSettings {
  /** The readable settings of one application. */
  read(clientId: string, options?: { readonly revalidate?: boolean }): Promise<Cached<JsonObject>>;
}

export function createClientSettings(
  { cache }: { readonly cache: ReadCache<JsonObject> },
  { readable }: { readonly readable: ReadonlySet<string> },
): ClientSettings {
  return {
    async read(clientId, options) {
      const read = await cache.read(clientId, options);
      // A copy may have been kept under an earlier policy that listed more.
      return { ...read, value: pick(read.value, (key) => readable.has(key)) };
    },
  };
}
