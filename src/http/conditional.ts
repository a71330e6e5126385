/** Conditional request fields (RFC 9110 section 13) and preferences (RFC 7240), read from a request. */
import type { Request } from 'express';
import { AppError } from '../lib/app-error.ts';
import { type JsonValue, sorted } from '../lib/json.ts';
import type { Precondition } from '../metadata/precondition.ts';
import { parseParameter, splitValue } from './header-values.ts';

/** One entity tag at least, and any number of empty elements (RFC 9110 section 5.6.1.2). */
const ENTITY_TAGS =
  /^[ \t]*(?:,[ \t]*)*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,[ \t]*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*)?)*$/;
const ENTITY_TAG = /(?:W\/)?"[^"]*"/g;

function entityTags(field: string, name: string): readonly string[] | 'any' {
  if (field.trim() === '*') return 'any';
  if (!ENTITY_TAGS.test(field)) {
    throw new AppError('request_malformed', `${name} must be * or a list of quoted entity tags.`);
  }
  return field.match(ENTITY_TAG) ?? [];
}

/** The preconditions of a write. @throws AppError `request_malformed` for a field that cannot be read. */
export function preconditionsOf(req: Request): readonly Precondition[] {
  const ifMatch = req.headers['if-match'];
  const ifNoneMatch = req.headers['if-none-match'];
  return [
    ...(ifMatch === undefined ? [] : [{ kind: 'if-match', tags: entityTags(ifMatch, 'If-Match') } as const]),
    ...(ifNoneMatch === undefined
      ? []
      : [{ kind: 'if-none-match', tags: entityTags(ifNoneMatch, 'If-None-Match') } as const]),
  ];
}

/**
 * Evaluates the `If-Match` of a read, which comes before its `If-None-Match` (RFC 9110 section 13.2.2). `current` is
 * what a refusal shows, if anything.
 * @throws AppError `precondition_failed` when it is false, `request_malformed` when it cannot be read.
 */
export function assertIfMatch(req: Request, etag: string, current?: JsonValue): void {
  const field = req.headers['if-match'];
  if (field === undefined) return;
  const tags = entityTags(field, 'If-Match');
  // Strong comparison: a weak tag never matches (RFC 9110 section 13.1.1).
  if (tags === 'any' || tags.includes(etag)) return;
  throw new AppError('precondition_failed', 'The resource is not in the state that the request expects.', {
    etag,
    ...(current === undefined ? {} : { current: sorted(current) }),
  });
}

/** Whether the reader already holds these bytes (weak comparison, RFC 9110 section 13.1.2). */
export function notModified(req: Request, etag: string): boolean {
  const field = req.headers['if-none-match'];
  if (field === undefined) return false;
  if (field.trim() === '*') return true;
  // An unreadable field is ignored on a read: the whole representation is always a right answer.
  return (field.match(ENTITY_TAG) ?? []).some((tag) => tag.replace(/^W\//, '') === etag);
}

/**
 * `Prefer: return=minimal` (RFC 7240 section 4.2). Of a preference that is stated more than once, the first counts
 * (section 2); its parameters after `;` say nothing here.
 */
export function prefersMinimal(req: Request): boolean {
  const { prefer } = req.headers;
  if (prefer === undefined) return false;
  const preferences = splitValue([prefer].flat().join(','), ',').map((preference) =>
    parseParameter(splitValue(preference, ';')[0] ?? ''),
  );
  return preferences.find(({ name }) => name === 'return')?.value.toLowerCase() === 'minimal';
}

/**
 * Request `Cache-Control: no-cache` (or its HTTP/1.0 form) asks for the tenant's own state. A script that
 * sets `If-None-Match` itself asks so too: the Fetch standard adds the field.
 */
export function wantsRevalidation(req: Request): boolean {
  const control = req.headers['cache-control'];
  if (control === undefined) return /\bno-cache\b/i.test(req.headers.pragma ?? '');
  return splitValue(control, ',')
    .map(parseParameter)
    .some(({ name, value }) =>
      name === 'max-age' ? /^0+$/.test(value) : name === 'no-cache' || name === 'no-store',
    );
}
