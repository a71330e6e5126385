/** Lua scripts, and the two ways in which Redis does not run them. */
import { createHash } from 'node:crypto';
import { SafeError } from '../lib/app-error.ts';

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
  /** The error code of Redis, such as `READONLY`. */
  readonly code: string;

  constructor(code: string) {
    super(`redis refused: ${code}`);
    this.name = 'RedisRefused';
    this.code = code;
  }
}

interface ScriptText {
  readonly source: string;
  readonly sha1: string;
}

export interface RedisScript extends ScriptText {
  /** The same for a server that does not know the flags of scripts: Redis before version 7. */
  readonly withoutFlags: ScriptText | undefined;
}

function hashSource(source: string): ScriptText {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

/** A Lua script, which Redis runs as one step. */
export function createRedisScript(source: string): RedisScript {
  return { ...hashSource(source), withoutFlags: undefined };
}

/**
 * A script that also a full Redis runs (`allow-oom`, Redis 7): for locks, which are small, end by themselves, and without
 * which writes are lost.
 */
export function createSmallRedisScript(source: string): RedisScript {
  return { ...hashSource(`#!lua flags=allow-oom\n${source}`), withoutFlags: hashSource(source) };
}

/** How a Redis before version 7 answers a script with flags. */
export function isFlagsUnknown(error: unknown): boolean {
  return error instanceof Error && /compiling script.*near '#'/.test(error.message);
}

export type RedisReply = string | number | null | readonly RedisReply[];

/** A reply of Redis as the values that scripts answer. */
export function toReply(value: unknown): RedisReply {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  return Array.isArray(value) ? value.map(toReply) : null;
}

/** What a log may know of an error of Redis or of its connection: a code, and no address or password. */
export function getRedisErrorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  // An answer of Redis starts with its own error code, such as OOM, READONLY or NOAUTH.
  return code ?? getReplyCode(error.message) ?? error.constructor.name;
}

function getReplyCode(message: string): string | undefined {
  const code = /^[A-Z]{2,}\b/.exec(message)?.[0];
  if (code !== 'ERR') return code;
  // Of a command inside of a script, Redis 7.0 says in words what is not permitted, and Redis 6 names its code later.
  if (message.startsWith("ERR The user executing the script can't")) return 'NOPERM';
  return /[:\s]-([A-Z]{3,})\s/.exec(message)?.[1] ?? code;
}

// Where keys stand in Redis. What one script names, and what belongs to one user, shares a hash tag, so that it stands
// on one node of a cluster. There is a small, known number of tags, so that each of them can be looked after.

/** The first character of a hash in base64url, in any order. */
export const KEY_GROUPS: readonly string[] =
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('');

/** @param hash in base64url. @returns the same with its group as the hash tag: `{a}bcdef`. */
export function toGroupedKey(hash: string): string {
  return `{${hash.slice(0, 1)}}${hash.slice(1)}`;
}
