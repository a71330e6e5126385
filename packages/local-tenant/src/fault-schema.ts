/**
 * The body of `PUT /_local/faults`. A fault without any effect is refused.
 */
import { z } from 'zod';
import { jsonValue } from './json.ts';

export const faultRoute = z.enum([
  'management.get',
  'management.patch',
  'management.clients',
  'token',
  'jwks',
  'discovery',
  'events',
]);
export type FaultRoute = z.infer<typeof faultRoute>;

export const faultSchema = z
  .strictObject({
    route: faultRoute,
    status: z.int().min(200).max(599).optional(),
    delay_ms: z.int().min(0).max(3_600_000).optional(),
    drop: z.boolean().optional(),
    after_apply: z.boolean().optional(),
    body: jsonValue.optional(),
    headers: z.record(z.string().regex(/^[\w-]+$/), z.string().regex(/^[\t\u0020-\u007e]*$/)).optional(),
    times: z.int().min(1).optional(),
  })
  .refine((fault) => !fault.after_apply || replacesResponse(fault), {
    path: ['after_apply'],
    message: 'needs status, body or drop: something to fail with after the operation was applied',
  })
  .refine((fault) => !(fault.after_apply && fault.route === 'events'), {
    path: ['after_apply'],
    message: 'does not apply to events: a stream has begun to answer before it applies anything',
  });
export type Fault = z.infer<typeof faultSchema>;

/** True for a fault that replaces or drops the response; false for one that only delays it or adds headers. */
export function replacesResponse(fault: {
  status?: unknown;
  body?: unknown;
  drop?: boolean | undefined;
}): boolean {
  return fault.status !== undefined || fault.body !== undefined || fault.drop === true;
}
