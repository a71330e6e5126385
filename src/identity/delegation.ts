/** What the operator lets those do who act for a user: the policy's member `delegation`. */
import { AppError } from '../lib/app-error.ts';
import type { Actor } from './actor.ts';

export interface DelegationPolicy {
  /** What a token with an actor may do at most; its scopes still decide what it may do at all. */
  readonly access: 'refuse' | 'read' | 'write';
  /** The `sub` of each outermost actor that may act. Empty: any. */
  readonly actors: readonly string[];
}

/**
 * Passes a caller who acts in person, and an actor whom the policy allows this kind of request.
 * @throws AppError `actor_not_allowed`.
 */
export type AssertMayAct = (actor: Actor | undefined, kind: 'read' | 'write') => void;

export function createDelegation({ access, actors }: DelegationPolicy): AssertMayAct {
  const listed = new Set(actors);
  return function assertMayAct(actor, kind) {
    if (actor === undefined) return;
    if (access === 'refuse') throw refused('Tokens with an actor are not accepted here.');
    if (listed.size > 0 && !listed.has(actor.sub)) {
      throw refused('The actor that the access token names may not act for a user here.');
    }
    if (access === 'read' && kind === 'write') {
      throw refused('An actor may read for a user here, and change nothing.');
    }
  };
}

function refused(message: string): AppError {
  return new AppError('actor_not_allowed', message);
}
