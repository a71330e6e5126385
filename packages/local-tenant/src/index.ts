/** The exports of `@metadata-bff/local-tenant`. */
export type { TenantPlan } from './plans.ts';
export type { PostLoginApi, PostLoginEvent, PostLoginFunction, TenantAction } from './post-login-action.ts';
export { createTenant, type LocalTenant } from './tenant.ts';
export type { TenantApi, TenantClient, TenantOptions, TenantUser, TokenOptions } from './tenant-options.ts';
