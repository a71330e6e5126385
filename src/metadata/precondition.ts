/**
 * Conditional writes (RFC 9110 section 13): `If-Match` and `If-None-Match` judged against the state that
 * the tenant holds, never against a cached copy.
 */
import { AppError } from '../lib/app-error.ts';
import { type JsonValue, sorted } from '../lib/json.ts';
import { represent } from './representation.ts';

/** `any` is the `*` of either field; tags keep their quotes and, where weak, their `W/`. */
export interface Precondition {
  readonly kind: 'if-match' | 'if-none-match';
  readonly tags: readonly string[] | 'any';
}

/**
 * Lets the write pass or refuses it. `current` is the resource as stored, undefined where it is missing.
 * @param isShown whether the caller may read the resource.
 * @throws AppError `precondition_failed` carrying the current value and its tag, if they may be shown: the tag
 * confirms a guess of the whole value.
 */
export function assertPrecondition(
  precondition: Precondition,
  current: JsonValue | undefined,
  isShown = true,
): void {
  const representation = current === undefined ? undefined : represent(current);
  if (isMet(precondition, representation?.etag)) return;
  throw new AppError('precondition_failed', 'The resource is not in the state that the request expects.', {
    ...(current === undefined || !isShown ? {} : { current: sorted(current) }),
    ...(representation === undefined || !isShown ? {} : { etag: representation.etag }),
  });
}

function isMet({ kind, tags }: Precondition, etag: string | undefined): boolean {
  if (kind === 'if-match') {
    if (etag === undefined) return false;
    // Strong comparison: a weak tag never matches (RFC 9110 section 13.1.1).
    return tags === 'any' || tags.includes(etag);
  }
  if (etag === undefined) return true;
  return tags !== 'any' && !tags.some((tag) => tag.replace(/^W\//, '') === etag);
}
