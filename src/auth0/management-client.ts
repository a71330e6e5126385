/**
 * The Management API, reduced to two operations on a user and one on an application. Nothing but
 * `user_metadata` can be sent. Of an answer nothing but the fields we ask for is kept, although a PATCH answers the
 * whole user, and of `app_metadata` and `client_metadata` nothing but the keys that the policy lists. So no cache can
 * hold what callers must not read.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../lib/app-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { HttpResponse } from '../lib/http-client.ts';
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  nestsDeeperThan,
  parseJsonText,
  pickKeys,
} from '../lib/json.ts';
import type { CallOptions, ClientDirectory, Profile, UserDirectory } from '../metadata/ports.ts';
import { toMalformedError, toStatusError } from './errors.ts';
import type { ManagementOperation, Upstream } from './upstream.ts';

export interface ManagementClientOptions {
  /** Base of the Management API, without a trailing slash: `https://tenant.eu.auth0.com/api/v2`. */
  readonly baseUrl: string;
  /** Keys of `app_metadata` that are kept. Without any, `app_metadata` is not even asked for. */
  readonly appMetadataKeys: ReadonlySet<string>;
  /** Keys of `client_metadata` that are kept. */
  readonly clientMetadataKeys: ReadonlySet<string>;
}

export interface ManagementClient {
  readonly users: UserDirectory;
  readonly clients: ClientDirectory;
}

interface Dependencies {
  readonly upstream: Upstream;
  readonly clock: Clock;
}

/** Parsed JSON is JSON; what is left to check is the shape, and a nesting that no recursion could follow. */
const MAX_DEPTH = 100;
const json = z.custom<JsonValue>((value) => !isTooDeep(value));
const metadata = z.custom<JsonObject>((value) => isJsonObject(value) && !isTooDeep(value));

/**
 * A user who never had metadata comes without the key, so both are optional (recorded answers). What others than the
 * Management API store there need not be an object, and one that is not must not hide the other.
 */
const userSchema = z.object({
  user_id: z.string().min(1),
  user_metadata: json.optional(),
  app_metadata: z.unknown().optional(),
  updated_at: z.string().optional(),
});

const clientSchema = z.object({ client_id: z.string(), client_metadata: metadata.nullish() });

const READ: ManagementOperation = { name: 'users.read', isWrite: false };
const READ_CLIENT: ManagementOperation = { name: 'clients.read', isWrite: false };
const CHANGE: ManagementOperation = { name: 'users.change', isWrite: true };

/**
 * @returns the directories of the tenant. Every answer is checked: one about another user or application is
 * `upstream_malformed`.
 */
export function createManagementClient(
  { upstream, clock }: Dependencies,
  { baseUrl, appMetadataKeys, clientMetadataKeys }: ManagementClientOptions,
): ManagementClient {
  const readsAppMetadata = appMetadataKeys.size > 0;
  const fields = ['user_id', 'user_metadata', 'updated_at', ...(readsAppMetadata ? ['app_metadata'] : [])];
  const query = `fields=${fields.join(',')}&include_fields=true`;

  /** The only place where a user id becomes part of a URL: ids may hold `|`, `/` and `%`. */
  function userUrl(userId: string): string {
    if (isDots(userId)) throw new AppError('user_not_found', 'The user does not exist.');
    return `${baseUrl}/users/${encodeURIComponent(userId)}`;
  }

  function parseProfile(response: HttpResponse, operation: ManagementOperation, userId: string): Profile {
    if (response.status === 404) throw new AppError('user_not_found', 'The user no longer exists.');
    if (!isSuccess(response)) throw toStatusError(response, operation, clock.now());
    const user = parseJsonText(response.text, userSchema);
    // An answer about another user must never reach this caller.
    if (!user || user.user_id !== userId) throw toMalformedError(response, operation);
    const { user_metadata: userMetadata = null, app_metadata: appMetadata, updated_at: updatedAt } = user;
    const stored = metadata.safeParse(appMetadata);
    return {
      userMetadata: isJsonObject(userMetadata) ? userMetadata : {},
      appMetadata: stored.success ? pickKeys(stored.data, appMetadataKeys) : {},
      updatedAt,
      ...(userMetadata === null || isJsonObject(userMetadata) ? {} : { isUnreadable: true }),
    };
  }

  const clients: ClientDirectory = {
    async read(clientId, options) {
      if (isDots(clientId)) throw new AppError('client_not_allowed', 'The application does not exist.');
      const url = `${baseUrl}/clients/${encodeURIComponent(clientId)}?fields=client_id,client_metadata&include_fields=true`;
      const request = { method: 'GET', url, ...toRequestLabels(READ_CLIENT, options) } as const;
      const response = await upstream.call(request, READ_CLIENT, options);
      if (response.status === 404) {
        throw new AppError('client_not_allowed', 'The application no longer exists.');
      }
      if (!isSuccess(response)) throw toStatusError(response, READ_CLIENT, clock.now());
      const client = parseJsonText(response.text, clientSchema);
      if (!client || client.client_id !== clientId) throw toMalformedError(response, READ_CLIENT);
      return pickKeys(client.client_metadata ?? {}, clientMetadataKeys);
    },
  };

  async function patch(userId: string, changes: JsonObject, options: CallOptions): Promise<Profile> {
    const { operation, headers } = toRequestLabels(CHANGE, options);
    const response = await upstream.call(
      {
        method: 'PATCH',
        url: userUrl(userId),
        operation,
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ user_metadata: changes } satisfies { user_metadata: JsonObject }),
      },
      CHANGE,
      options,
    );
    return parseProfile(response, CHANGE, userId);
  }

  const users: UserDirectory = {
    async read(userId, options) {
      const url = `${userUrl(userId)}?${query}`;
      const request = { method: 'GET', url, ...toRequestLabels(READ, options) } as const;
      const response = await upstream.call(request, READ, options);
      return parseProfile(response, READ, userId);
    },
    async change(userId, changes, options) {
      if (Object.keys(changes).length === 0) throw new Error('an empty change would wipe the metadata');
      return patch(userId, changes, options);
    },
    // "Patching the metadata itself with an empty object removes the metadata completely" (Auth0, manage metadata).
    clear: (userId, options) => patch(userId, {}, options),
  };
  return { users, clients };
}

/** A retried request keeps its correlation id, because it is the same operation. Auth0's log shows writes only. */
function toRequestLabels({ name }: ManagementOperation, { correlationId = randomUUID() }: CallOptions) {
  return { operation: name, headers: { 'x-correlation-id': correlationId } };
}

function isTooDeep(value: unknown): boolean {
  return typeof value === 'object' && value !== null && nestsDeeperThan(Object.values(value), MAX_DEPTH);
}

/** URL parsers resolve these segments even when they are encoded. */
function isDots(segment: string): boolean {
  return segment === '.' || segment === '..';
}

/** Any 2xx: a success without the promised body is malformed, but the change was made. */
function isSuccess({ status }: HttpResponse): boolean {
  return status >= 200 && status < 300;
}
