/** The exports of `@metadata-bff/local-tenant`. */
export type { TenantClient } from './client-store.ts';
export type { TokenOptions } from './control.ts';
export type { TenantPlan } from './plans.ts';
export { createTenant, type TenantOptions } from './tenant.ts';
