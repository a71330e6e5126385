/**
 * Who acts for the user (RFC 8693 section 4.1): the claim `act` holds the party that uses the token, and within it
 * the parties that delegated to that one before.
 */
import type { JWTPayload } from 'jose';
import { isJsonObject } from '../lib/json.ts';
import { tokenRefused } from './refusal.ts';

export interface Actor {
  /** The `sub` of the outermost actor, which is the one that acts now (RFC 8693 section 4.1). */
  readonly sub: string;
  /** How many actors the chain names, the outermost included. */
  readonly count: number;
}

/** A longer chain cannot be followed by a person, and costs memory for each request. */
const MAX_ACTORS = 5;

/**
 * The actors that the token names; undefined where the user acts in person. Members of an actor other than `sub` and
 * `act` carry no meaning here (RFC 8693: identity claims only), so they are ignored.
 * @throws AppError `token_invalid` for a chain that cannot be read: a token must not lose its actor by a fault in it.
 */
export function parseActor({ act }: JWTPayload): Actor | undefined {
  if (act === undefined) return undefined;
  let outermost: string | undefined;
  let count = 0;
  for (let link: unknown = act; link !== undefined; link = ownMember(link, 'act')) {
    count += 1;
    if (count > MAX_ACTORS) {
      throw tokenRefused(`The act claim of the access token names more than ${MAX_ACTORS} actors.`);
    }
    const sub = ownMember(link, 'sub');
    if (typeof sub !== 'string' || sub === '' || !sub.isWellFormed()) {
      throw tokenRefused('The act claim of the access token has an actor without a sub that is a text.');
    }
    outermost ??= sub;
  }
  return outermost === undefined ? undefined : { sub: outermost, count };
}

/** @throws AppError `token_invalid` for an actor that is no object. */
function ownMember(actor: unknown, name: 'sub' | 'act'): unknown {
  if (!isJsonObject(actor)) {
    throw tokenRefused('The act claim of the access token has an actor that is not an object.');
  }
  return Object.hasOwn(actor, name) ? actor[name] : undefined;
}
