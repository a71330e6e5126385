/** The exports of `@metadata-bff/local-tenant`. */
export type { TenantPlan } from './plans.ts';
export { startTenant, type Tenant, type TenantOptions } from './tenant.ts';
