/** `fields` and `include_fields`, with the meaning they have in the Management API, over top-level keys. */
import type { Request } from 'express';
import { z } from 'zod';
import { AppError } from '../lib/app-error.ts';
import type { JsonObject } from '../lib/json.ts';

export type Projection = (document: JsonObject) => JsonObject;

/** Validates the query, and describes it in the OpenAPI document. */
export const projectionQuery = z.object({
  fields: z
    .string('fields must be given once, as a comma-separated list.')
    .optional()
    .meta({ description: 'Top-level keys, such as `theme,language`. Without any: all.' }),
  include_fields: z
    .enum(['true', 'false'], 'include_fields must be true or false.')
    .default('true')
    .meta({ description: 'Whether `fields` lists what to answer, or what to leave out.' }),
});

const whole: Projection = (document) => document;

/**
 * The projection a query asks for: the listed keys, or with `include_fields=false` all but these. No list,
 * or an empty one, means all.
 * @throws AppError `query_invalid`.
 */
export function projectionOf(req: Request): Projection {
  if (!req.url.includes('?')) return whole;
  const result = projectionQuery.safeParse(req.query);
  if (!result.success) {
    throw new AppError('query_invalid', result.error.issues[0]?.message ?? 'The query is not valid.');
  }
  const { fields = '', include_fields: includeFields } = result.data;
  const names = new Set(fields.split(',').filter((name) => name !== ''));
  if (names.size === 0) return whole;
  const keep = includeFields === 'true';
  return (document) =>
    Object.fromEntries(Object.entries(document).filter(([key]) => names.has(key) === keep));
}
