/**
 * What `createTenant` is given, with Auth0's own names where Auth0 has one, and its check at the start: an unknown name
 * or a wrong type is refused, because a tenant without what the test meant would only fail later.
 */
import { z } from 'zod';
import { describeIssues } from './control-errors.ts';
import { type JsonObject, jsonObject } from './json.ts';
import { type TenantPlan, tenantPlan } from './plans.ts';
import type { TenantAction } from './post-login-action.ts';
import type { UserWrite } from './user-store.ts';

/** A user: any attributes of an Auth0 profile, and the password to log in with. */
export type TenantUser = JsonObject & {
  readonly email?: string;
  readonly password?: string;
  readonly user_metadata?: JsonObject;
  readonly app_metadata?: JsonObject;
};

/** An application, with Auth0's names. Further attributes are what `GET /api/v2/clients/{id}` shows. */
export type TenantClient = JsonObject & {
  readonly client_id: string;
  readonly name?: string;
  /** By default `spa` without a secret, and `regular_web` with one. */
  readonly app_type?: 'spa' | 'native' | 'regular_web' | 'non_interactive';
  readonly client_secret?: string;
  /** Where a login may return to, beside all addresses of this machine. */
  readonly callbacks?: readonly string[];
  /** Where a logout may return to, beside all addresses of this machine. */
  readonly allowed_logout_urls?: readonly string[];
  readonly client_metadata?: JsonObject;
  /** Client grants: the scopes by audience. `management` is the Management API. */
  readonly grants?: Readonly<Record<string, readonly string[]>>;
};

export interface TenantApi {
  /** The audience of its tokens. */
  readonly identifier: string;
  /** What a user can be granted; by default the scopes of metadata-bff. */
  readonly scopes?: readonly string[];
  /** How long its access tokens are valid, in seconds; 86,400 by default. */
  readonly token_lifetime?: number;
  /** Whether `offline_access` gives a refresh token; true by default, unlike at Auth0. */
  readonly allow_offline_access?: boolean;
  /** Auth0's own form of access tokens, which is the default, or that of RFC 9068. */
  readonly token_dialect?: 'access_token' | 'rfc9068_profile';
}

export interface TenantOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly plan?: TenantPlan;
  /** In place of the seeded users, by user id; or a list of users with `user_id`. */
  readonly users?:
    | Readonly<Record<string, TenantUser>>
    | ReadonlyArray<TenantUser & { readonly user_id: string }>;
  /** In addition to the seeded applications `local-spa` and `local-bff`; one with the same id replaces it. */
  readonly clients?: readonly TenantClient[];
  /** In place of the seeded API. The first one is that of the service. */
  readonly apis?: readonly TenantApi[];
  /** Post-login Actions, in the order in which they run. */
  readonly actions?: readonly TenantAction[];
  /** The delay of each Management API response. */
  readonly latencyMs?: number;
  /** After how long a stream of the Events API is closed, to be resumed; 5 minutes by default. */
  readonly eventsCycleMs?: number;
  readonly eventsHeartbeatMs?: number;
  /** Changes that can be asked for again; 1000 by default. */
  readonly eventsKept?: number;
}

/** What a token is made of, by `token()` and `POST /_local/token`. */
export const tokenOptionsSchema = z.strictObject({
  sub: z.string(),
  scope: z.string().optional(),
  audience: z.union([z.string(), z.array(z.string())]).optional(),
  client_id: z.string().optional(),
  expires_in: z.int().optional(),
  claims: jsonObject.optional(),
  header: jsonObject.optional(),
});

export type TokenOptions = z.infer<typeof tokenOptionsSchema>;

const texts = z.array(z.string());
const userId = z.string().regex(/^[^|]+\|.+$/s, 'must look like provider|identifier');
const user = z.looseObject({ email: z.string().optional(), password: z.string().optional() });
const number = z.number().min(0).optional();
const code = z.union([z.string(), z.function()]);

const optionsSchema = z.strictObject({
  port: z.int().min(0).max(65_535).optional(),
  plan: tenantPlan.optional(),
  users: z.union([z.array(user.and(z.looseObject({ user_id: userId }))), z.record(userId, user)]).optional(),
  clients: z
    .array(
      z.looseObject({
        client_id: z.string().min(1),
        name: z.string().optional(),
        app_type: z.enum(['spa', 'native', 'regular_web', 'non_interactive']).optional(),
        client_secret: z.string().optional(),
        callbacks: texts.optional(),
        allowed_logout_urls: texts.optional(),
        client_metadata: jsonObject.optional(),
        grants: z.record(z.string(), texts).optional(),
      }),
    )
    .optional(),
  apis: z
    .array(
      z.strictObject({
        identifier: z.string().min(1),
        scopes: texts.optional(),
        token_lifetime: z.int().min(1).optional(),
        allow_offline_access: z.boolean().optional(),
        token_dialect: z.enum(['access_token', 'rfc9068_profile']).optional(),
      }),
    )
    .min(1)
    .optional(),
  actions: z
    .array(z.union([code, z.strictObject({ code, secrets: z.record(z.string(), z.string()).optional() })]))
    .optional(),
  latencyMs: number,
  eventsCycleMs: number,
  eventsHeartbeatMs: number,
  eventsKept: number,
});

/** @throws TypeError that names each fault. */
export function assertTenantOptions(options: TenantOptions): void {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) throw new TypeError(`createTenant: ${describeIssues(parsed.error)}`);
}

/** The users of the options, by id. */
export function toUserWrites(users: NonNullable<TenantOptions['users']>): ReadonlyMap<string, UserWrite> {
  const entries = Array.isArray(users)
    ? users.map(({ user_id: id, ...rest }): [string, TenantUser] => [id, rest])
    : Object.entries(users);
  return new Map(
    entries.map(([id, { password, ...attributes }]): [string, UserWrite] => [
      id,
      { attributes, ...(password === undefined ? {} : { password }) },
    ]),
  );
}
