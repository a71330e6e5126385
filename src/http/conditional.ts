/** Conditional request fields (RFC 9110 section 13) and preferences (RFC 7240), read from a request. */
import type { Request } from 'express';
import { AppError } from '../lib/app-error.ts';
import type { Precondition } from '../metadata/precondition.ts';

const ENTITY_TAGS =
  /^\s*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,\s*(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"\s*)*$/;
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

/** Whether the reader already holds these bytes (weak comparison, RFC 9110 section 13.1.2). */
export function notModified(req: Request, etag: string): boolean {
  const field = req.headers['if-none-match'];
  if (field === undefined) return false;
  if (field.trim() === '*') return true;
  // An unreadable field is ignored on a read: the whole representation is always a right answer.
  return (field.match(ENTITY_TAG) ?? []).some((tag) => tag.replace(/^W\//, '') === etag);
}

/** `Prefer: return=minimal` (RFC 7240 section 4.2). */
export function prefersMinimal(req: Request): boolean {
  const prefer = req.headers['prefer'];
  return [prefer]
    .flat()
    .some((field) => /(?:^|,)\s*return\s*=\s*"?minimal"?\s*(?:[,;]|$)/i.test(field ?? ''));
}

/**
 * Request `Cache-Control: no-cache` (or its HTTP/1.0 form) asks for the tenant's own state. A script that
 * sets `If-None-Match` itself asks so too: the Fetch standard adds the field.
 */
export function wantsRevalidation(req: Request): boolean {
  const control = req.headers['cache-control'];
  if (control === undefined) return /\bno-cache\b/i.test(req.headers.pragma ?? '');
  return /(?:^|,)\s*(?:no-cache|no-store|max-age\s*=\s*"?0"?)\s*(?:,|$)/i.test(control);
}
