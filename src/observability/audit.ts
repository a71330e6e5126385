/**
 * The audit: one line of JSON for each write, made of the fields listed here and nowhere else. A user stands in
 * it as a keyed hash, metadata by the names of its first-level keys; no value, token or address is a field.
 */
import type { LoggedActor } from './logger.ts';

export interface AuditedWrite {
  readonly requestId: string;
  readonly userId: string;
  readonly clientId: string | undefined;
  readonly actor: LoggedActor | undefined;
  readonly action: string;
  /** The template of the route. */
  readonly route: string;
  readonly keys: readonly string[];
  readonly outcome: string;
  readonly code: string | undefined;
  readonly correlationId: string | undefined;
  readonly durationMs: number;
}

export type Audit = (write: AuditedWrite) => void;

interface Dependencies {
  /** Takes one line, with its line break. Must not throw. */
  readonly write: (line: string) => void;
  /** From the id of a user or actor to what stands in the audit in its place. */
  readonly hide: (id: string) => string;
  readonly now: () => number;
}

/** Names of keys are up to the callers: so many, and so much of each, can stand in a line. */
const KEYS_MAX = 32;
const KEY_CHARACTERS_MAX = 64;

export function createAudit({ write, hide, now }: Dependencies): Audit {
  return ({ requestId, userId, clientId, actor, action, route, keys, outcome, code, ...rest }) => {
    const { correlationId, durationMs } = rest;
    const line = {
      time: new Date(now()).toISOString(),
      event: 'audit',
      request_id: requestId,
      user: hide(userId),
      client_id: clientId,
      actor: actor && hide(actor.sub),
      actors: actor?.count,
      action,
      route,
      keys: keys.slice(0, KEYS_MAX).map(cut),
      keys_left_out: keys.length > KEYS_MAX ? keys.length - KEYS_MAX : undefined,
      outcome,
      code,
      correlation_id: correlationId,
      duration_ms: Math.round(durationMs * 100) / 100,
    };
    write(`${JSON.stringify(line)}\n`);
  };
}

function cut(key: string): string {
  if (key.length <= KEY_CHARACTERS_MAX) return key;
  // Half a character that the cut may leave becomes a replacement character.
  return `${key.slice(0, KEY_CHARACTERS_MAX).toWellFormed()}…`;
}
