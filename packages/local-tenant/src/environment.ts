/**
 * The tenant's settings from the environment. Names the variables at fault, all at once.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { tenantPlan } from './plans.ts';

const wholeNumber = z.string().regex(/^\d+$/, 'must be a whole number').transform(Number);

const actionFiles = z
  .string()
  .default('')
  .transform((list, context) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => {
        try {
          return readFileSync(name, 'utf8');
        } catch {
          context.addIssue({ code: 'custom', message: `cannot read the file ${name}` });
          return '';
        }
      }),
  );

const environmentSchema = z
  .object({
    TENANT_PORT: wholeNumber.pipe(z.number().max(65_535, 'must be a port')).default(4400),
    TENANT_PLAN: tenantPlan.default('unlimited'),
    TENANT_EVENTS_CYCLE_MS: wholeNumber
      .pipe(z.number().min(100, 'must be at least 100').max(3_600_000, 'must be at most 3600000'))
      .default(300_000),
    TENANT_LATENCY_MS: wholeNumber.pipe(z.number().max(60_000, 'must be at most 60000')).default(0),
    TENANT_ACTIONS: actionFiles,
  })
  .transform((variables) => ({
    port: variables.TENANT_PORT,
    plan: variables.TENANT_PLAN,
    eventsCycleMs: variables.TENANT_EVENTS_CYCLE_MS,
    latencyMs: variables.TENANT_LATENCY_MS,
    actions: variables.TENANT_ACTIONS,
  }));

/**
 * Reads TENANT_PORT (4400), TENANT_PLAN (unlimited), TENANT_LATENCY_MS (0), TENANT_EVENTS_CYCLE_MS (300000) and the
 * files of TENANT_ACTIONS (none). Never throws.
 */
export function parseEnvironment(environment: Readonly<Record<string, string | undefined>>) {
  return environmentSchema.safeParse(environment);
}
