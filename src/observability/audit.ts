/**
 * The audit: one line of JSON for each write, made of the fields listed here and nowhere else. A user stands in
 * it as a keyed hash, metadata by the names of its first-level keys; no value, token or address is a field. Writes that
 * are refused again and again for the same reason share a line, so that an app in a loop cannot fill the disk.
 */
import { createHash } from 'node:crypto';
import type { SetAlarm } from '../lib/alarm.ts';
import { escapeUnprintable } from '../lib/json-text.ts';
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

export interface Audit {
  /** Writes the line of a write, unless it repeats a refusal of a moment ago, which is counted. */
  record(write: AuditedWrite): void;
  /** Writes what has been counted. */
  flush(): void;
}

interface Dependencies {
  /** Takes one line, with its line break. Must not throw. */
  readonly write: (line: string) => void;
  /** From the id of a user or actor to what stands in the audit in its place. */
  readonly hide: (id: string) => string;
  readonly now: () => number;
  readonly setAlarm: SetAlarm;
}

export interface AuditOptions {
  /** Refusals that repeat one within this time are counted, and told in one line at its end. */
  readonly repeatWindowMs: number;
  /** Refusals that are counted at the same time; beyond it the oldest is told early. */
  readonly repeatsMax: number;
}

/** Names of keys are up to the callers: so many, and so much of each, can stand in a line. */
const KEYS_MAX = 32;
const KEY_CHARACTERS_MAX = 64;

interface Repeated {
  count: number;
  /** The line of the latest one, but for the count. */
  line: object;
  readonly cancel: () => void;
}

export function createAudit(
  { write, hide, now, setAlarm }: Dependencies,
  { repeatWindowMs, repeatsMax }: AuditOptions,
): Audit {
  const repeats = new Map<string, Repeated>();

  function tell(line: object): void {
    write(`${escapeUnprintable(JSON.stringify(line))}\n`);
  }

  function toLine(audited: AuditedWrite): object {
    const { requestId, userId, clientId, actor, action, route, keys, outcome, code, ...rest } = audited;
    const { correlationId, durationMs } = rest;
    return {
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
  }

  function endRepeats(name: string): void {
    const repeated = repeats.get(name);
    if (repeated === undefined) return;
    repeats.delete(name);
    repeated.cancel();
    if (repeated.count > 0) tell({ ...repeated.line, repeated: repeated.count });
  }

  return {
    record(audited) {
      const line = toLine(audited);
      // Of a write that was made, or may have been, every line counts.
      if (audited.outcome !== 'refused') {
        tell(line);
        return;
      }
      const name = nameRepeats(audited);
      const repeated = repeats.get(name);
      if (repeated) {
        repeated.count += 1;
        repeated.line = line;
        return;
      }
      tell(line);
      const [oldest] = repeats.keys();
      if (oldest !== undefined && repeats.size >= repeatsMax) endRepeats(oldest);
      const cancel = setAlarm(repeatWindowMs, () => endRepeats(name));
      repeats.set(name, { count: 0, line, cancel });
    },
    flush() {
      for (const name of repeats.keys()) endRepeats(name);
    },
  };
}

/** What refusals must have in common to share a line; short, whatever the keys are. */
function nameRepeats({ userId, clientId, actor, action, route, code, keys }: AuditedWrite): string {
  const common = JSON.stringify([userId, clientId, actor?.sub, action, route, code, keys]);
  return createHash('sha256').update(common).digest('base64');
}

function cut(key: string): string {
  if (key.length <= KEY_CHARACTERS_MAX) return key;
  // Half a character that the cut may leave becomes a replacement character.
  return `${key.slice(0, KEY_CHARACTERS_MAX).toWellFormed()}…`;
}
