/**
 * Tokens that were verified a short while ago, so that the signature of each is checked once and not with every
 * request. A token counts as verified until it ends, and only by the very keys that verified it. What is held
 * is a hash of it, never the token.
 */
import { hash } from 'node:crypto';
import { boundedMap } from '../lib/bounded-map.ts';
import type { Clock } from '../lib/clock.ts';
import type { Caller } from './caller.ts';
import type { KeySet } from './key-set.ts';

export interface VerifiedToken {
  readonly caller: Caller;
  readonly keySet: KeySet;
  /** A bearer has none. */
  readonly proof: undefined;
}

export interface VerifiedTokens {
  /** Undefined for a token that is not held, or has ended. Whether its keys are still in use is for the caller to see. */
  find(token: string): VerifiedToken | undefined;
  /** Only for bearers: a proof is good once, so a bound token must be looked at each time. */
  keep(token: string, verified: VerifiedToken): void;
}

export interface VerifiedTokensOptions {
  /** The least recently used beyond it are verified again. */
  readonly tokensMax: number;
}

export function createVerifiedTokens(
  { clock }: { readonly clock: Clock },
  { tokensMax }: VerifiedTokensOptions,
): VerifiedTokens {
  const held = boundedMap<VerifiedToken>(tokensMax);

  return {
    find(token) {
      const name = nameOf(token);
      const verified = held.get(name);
      if (verified === undefined) return undefined;
      if (clock.now() < verified.caller.expiresAt * 1000) return verified;
      // What leeway there is for clocks, its verification decides.
      held.delete(name);
      return undefined;
    },
    keep(token, verified) {
      held.set(nameOf(token), verified);
    },
  };
}

/** No two tokens share it (256 bits), and nobody can make a token from it. */
function nameOf(token: string): string {
  return hash('sha256', token, 'base64url');
}
