/**
 * What `createTenant` is given, with Auth0's own names where Auth0 has one, and its check at the start: an unknown name
 * or a wrong type is refused, because a tenant without what the test meant would only fail later.
 */
import { z } from 'zod';
import type { TenantAction } from './actions.ts';
import type { TenantApi } from './apis.ts';
import type { TenantClient } from './client-store.ts';
import { describeIssues } from './control-errors.ts';
import { type JsonObject, jsonObject } from './json.ts';
import { type TenantPlan, tenantPlan } from './plans.ts';
import type { UserWrite } from './user-store.ts';

/** A user: any attributes of an Auth0 profile, and the password to log in with. */
export type TenantUser = JsonObject & {
  readonly email?: string;
  readonly password?: string;
  readonly user_metadata?: JsonObject;
  readonly app_metadata?: JsonObject;
};

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
