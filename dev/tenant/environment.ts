/**
 * The tenant's settings from the environment. Names the variables at fault, all at once.
 */
import { z } from 'zod';
import { tenantPlan } from './plans.ts';

const wholeNumber = z.string().regex(/^\d+$/, 'must be a whole number').transform(Number);

const environmentSchema = z
  .object({
    TENANT_PORT: wholeNumber.pipe(z.number().max(65_535, 'must be a port')).default(4400),
    TENANT_PLAN: tenantPlan.default('unlimited'),
    TENANT_LATENCY_MS: wholeNumber.pipe(z.number().max(60_000, 'must be at most 60000')).default(0),
  })
  .transform((variables) => ({
    port: variables.TENANT_PORT,
    plan: variables.TENANT_PLAN,
    latencyMs: variables.TENANT_LATENCY_MS,
  }));

/** Reads TENANT_PORT (4400), TENANT_PLAN (unlimited) and TENANT_LATENCY_MS (0). Never throws. */
export function parseEnvironment(environment: Readonly<Record<string, string | undefined>>) {
  return environmentSchema.safeParse(environment);
}
