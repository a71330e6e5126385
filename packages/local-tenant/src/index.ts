/** The exports of `@metadata-bff/local-tenant`. */
export type { PostLoginApi, PostLoginEvent, PostLoginFunction, TenantAction } from './actions.ts';
export type { TenantApi } from './apis.ts';
export type { TenantClient } from './client-store.ts';
export type { TokenOptions } from './control.ts';
export type { TenantPlan } from './plans.ts';
export { createTenant, type LocalTenant } from './tenant.ts';
export type { TenantOptions, TenantUser } from './tenant-options.ts';
