/** `fields` and `include_fields`, with the meaning they have in the Management API, over top-level keys. */
import type { Request } from 'express';
import { AppError } from '../lib/app-error.ts';
import type { JsonObject } from '../lib/json.ts';

export type Projection = (document: JsonObject) => JsonObject;

/**
 * The projection a query asks for: the listed keys, or with `include_fields=false` all but these. No list,
 * or an empty one, means all.
 * @throws AppError `query_invalid`.
 */
export function projectionOf({ query }: Pick<Request, 'query'>): Projection {
  const { fields, include_fields: includeFields = 'true' } = query;
  if (includeFields !== 'true' && includeFields !== 'false') {
    throw new AppError('query_invalid', 'include_fields must be true or false.');
  }
  if (fields !== undefined && typeof fields !== 'string') {
    throw new AppError('query_invalid', 'fields must be given once, as a comma-separated list.');
  }
  const names = new Set((fields ?? '').split(',').filter((name) => name !== ''));
  if (names.size === 0) return (document) => document;
  const keep = includeFields === 'true';
  return (document) =>
    Object.fromEntries(Object.entries(document).filter(([key]) => names.has(key) === keep));
}
