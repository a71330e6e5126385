/**
 * A token that may change and not read: what its writes are answered must not be a way to read. So nothing of what
 * is stored leaves with an answer to such a caller. That includes the entity tag: it is a hash of the document, so
 * it confirms a guess of the document.
 */
import type { Caller } from '../identity/caller.ts';
import { AppError } from '../lib/app-error.ts';
import { isJsonObject, type JsonValue } from '../lib/json.ts';
import { withoutState } from '../metadata/precondition.ts';

export interface ReadBack {
  /** Whether this caller may see what is stored after a write. */
  allowed(caller: Caller): boolean;
  /** Runs the write; for a caller who may not read, its refusal tells nothing of what is stored. */
  guard<T>(caller: Caller, write: () => Promise<T>): Promise<T>;
  /**
   * A `test` of a JSON Patch is a question about what is stored.
   * @throws AppError `scope_missing` for one by a caller who may not read.
   */
  assertMayTest(caller: Caller, patch: JsonValue): void;
}

/** @param scopes each of them lets a caller read. */
export function createReadBack(scopes: readonly string[]): ReadBack {
  const allowed = ({ scopes: held }: Caller): boolean => scopes.some((scope) => held.has(scope));
  const scope = scopes.join(' ');

  return {
    allowed,
    async guard(caller, write) {
      try {
        return await write();
      } catch (error) {
        throw allowed(caller) ? error : withoutState(error);
      }
    },
    assertMayTest(caller, patch) {
      if (allowed(caller) || !Array.isArray(patch)) return;
      if (!patch.some((operation) => isJsonObject(operation) && operation['op'] === 'test')) return;
      throw new AppError(
        'scope_missing',
        `A test reads what is stored: the access token lacks the scope ${scope}.`,
        {
          scope,
        },
      );
    },
  };
}
