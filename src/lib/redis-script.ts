/** Lua scripts, and the two ways in which Redis does not run them. */
import { createHash } from 'node:crypto';
import { SafeError } from './safe-error.ts';

const NO_ANSWER = 'no answer in time';

/** Redis is down or did not answer in time. Nothing is known about what the command did. */
export class RedisUnavailable extends SafeError {
  /** Whether the command may have reached Redis, and may yet be carried out. */
  readonly sent: boolean;
  readonly timedOut: boolean;

  constructor(reason: string, sent = true) {
    super(`redis is unavailable: ${reason}`);
    this.name = 'RedisUnavailable';
    this.sent = sent;
    this.timedOut = reason === NO_ANSWER;
  }

  static noAnswer(): RedisUnavailable {
    return new RedisUnavailable(NO_ANSWER);
  }
}

/** Whether Redis may have done, or may yet do, what failed with this error. */
export function mayBeDone(error: unknown): boolean {
  return error instanceof RedisUnavailable && error.sent;
}

/** Redis is there, but refused the command (full, read-only ...). Nothing was done. */
export class RedisRefused extends SafeError {
  constructor(reason: string) {
    super(`redis refused: ${reason}`);
    this.name = 'RedisRefused';
  }
}

export interface RedisScript {
  readonly source: string;
  readonly sha1: string;
}

/** A Lua script, which Redis runs as one step. */
export function redisScript(source: string): RedisScript {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

export type RedisReply = string | number | null | readonly RedisReply[];

/** A reply of Redis as the values that scripts answer. */
export function toReply(value: unknown): RedisReply {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  return Array.isArray(value) ? value.map(toReply) : null;
}

/** What a log may know of an error of Redis or of its connection: a code, and no address or password. */
export function redisErrorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  // An answer of Redis starts with its own error code, such as OOM, READONLY or NOAUTH.
  return code ?? /^[A-Z]{2,}\b/.exec(error.message)?.[0] ?? error.constructor.name;
}
