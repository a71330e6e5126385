/**
 * `fields` and `include_fields` of the Management API: top-level keys to include or to leave out. No key is added or
 * kept on its own account, `user_id` included (recorded).
 */
import { z } from 'zod';
import { Auth0Error } from './auth0-errors.ts';
import type { JsonValue } from './json.ts';

export interface Projection {
  readonly fields: readonly string[];
  readonly include: boolean;
}

const querySchema = z.strictObject({
  fields: z.string().optional(),
  include_fields: z.enum(['true', 'false']).optional(),
});

/** Reads the projection off a query string; unknown or malformed parameters are Auth0's 400. */
export function parseProjection(query: unknown): Projection {
  const parsed = querySchema.safeParse(query);
  if (!parsed.success) throw queryRefusal(parsed.error.issues);
  const names = (parsed.data.fields ?? '').split(',').map((name) => name.trim());
  return {
    fields: names.filter((name) => name !== ''),
    include: parsed.data.include_fields !== 'false',
  };
}

/** The part of `document` that was asked for. No fields named means all of it. */
export function project(
  document: Readonly<Record<string, JsonValue>>,
  { fields, include }: Projection,
): Record<string, JsonValue> {
  if (fields.length === 0) return { ...document };
  return Object.fromEntries(Object.entries(document).filter(([key]) => fields.includes(key) === include));
}

function queryRefusal(issues: readonly z.core.$ZodIssue[]): Auth0Error {
  const unknown = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
  const detail =
    unknown.length > 0
      ? `'Additional properties not allowed: ${unknown.join(',')}'.`
      : `'Invalid value' on property ${String(issues[0]?.path[0] ?? '')}.`;
  return new Auth0Error(400, `Query validation error: ${detail}`, 'invalid_query_string');
}
