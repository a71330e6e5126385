/**
 * The audit: one line of JSON for each write, made of the fields listed here and nowhere else. A user stands in
 * it as a keyed hash, metadata by the names of its first-level keys; no value, token or address is a field. Writes that
 * are refused again and again for the same reason share a line, so that an app in a loop cannot fill the disk.
 */
import { Buffer } from 'node:buffer';
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Clock, SetTimer } from '../lib/clock.ts';
import type { AuditedWrite } from '../http/middleware/audit.ts';
import { escapeUnprintable } from './logger.ts';

interface Audit {
  /** Writes the line of a write, unless it repeats a refusal of a moment ago, which is counted. */
  readonly record: (write: AuditedWrite) => void;
  /** Writes what has been counted. */
  flush(): void;
}

interface Dependencies {
  /** Takes one line, with its line break. Must not throw. */
  readonly destination: { write(line: string): void };
  /** From the id of a user or actor to what stands in the audit in its place. */
  readonly hashId: (id: string) => string;
  /** The time of day. */
  readonly clock: Clock;
  readonly setTimer: SetTimer;
}

interface AuditOptions {
  /** Refusals that repeat one within this time are counted, and told in one line at its end. */
  readonly repeatWindowMs: number;
  /** Refusals that are counted at the same time; beyond it the oldest is written early. */
  readonly maxRepeats: number;
}

/**
 * A keyed hash (HMAC-SHA-256, base64url) that stands for ids where others can read them. Without the secret, an id cannot be
 * found by trying. @param context keeps hashes of different tenants and purposes apart.
 */
export function createIdHash(secret: string | Uint8Array, context: string): (id: string) => string {
  const key = Buffer.from(hkdfSync('sha256', secret, '', context, 32));
  return (id) => createHmac('sha256', key).update(id).digest('base64url');
}

/** Names of keys are up to the callers: so many, and so much of each, can stand in a line. */
const MAX_KEYS = 32;
const MAX_KEY_CHARACTERS = 64;

interface Repeated {
  count: number;
  /** The line of the latest one, but for the count. */
  line: object;
  readonly cancel: () => void;
}

export function createAudit(
  { destination, hashId, clock, setTimer }: Dependencies,
  { repeatWindowMs, maxRepeats }: AuditOptions,
): Audit {
  const repeats = new Map<string, Repeated>();

  function writeLine(line: object): void {
    destination.write(`${escapeUnprintable(JSON.stringify(line))}\n`);
  }

  function toLine(audited: AuditedWrite): object {
    const { requestId, userId, clientId, actor, action, route, keys, outcome, code, ...rest } = audited;
    const { correlationId, durationMs } = rest;
    return {
      time: new Date(clock.now()).toISOString(),
      event: 'audit',
      request_id: requestId,
      user: hashId(userId),
      client_id: clientId,
      actor: actor && hashId(actor.sub),
      actors: actor?.count,
      action,
      route,
      keys: keys.slice(0, MAX_KEYS).map(truncateKey),
      keys_left_out: keys.length > MAX_KEYS ? keys.length - MAX_KEYS : undefined,
      outcome,
      code,
      correlation_id: correlationId,
      duration_ms: Math.round(durationMs * 100) / 100,
    };
  }

  function writeRepeats(name: string): void {
    const repeated = repeats.get(name);
    if (repeated === undefined) return;
    repeats.delete(name);
    repeated.cancel();
    if (repeated.count > 0) writeLine({ ...repeated.line, repeated: repeated.count });
  }

  return {
    record(audited) {
      const line = toLine(audited);
      // Of a write that was made, or may have been, every line counts.
      if (audited.outcome !== 'refused') {
        writeLine(line);
        return;
      }
      const name = getRepeatKey(audited);
      const repeated = repeats.get(name);
      if (repeated) {
        repeated.count += 1;
        repeated.line = line;
        return;
      }
      writeLine(line);
      const [oldest] = repeats.keys();
      if (oldest !== undefined && repeats.size >= maxRepeats) writeRepeats(oldest);
      const cancel = setTimer(repeatWindowMs, () => writeRepeats(name));
      repeats.set(name, { count: 0, line, cancel });
    },
    flush() {
      for (const name of repeats.keys()) writeRepeats(name);
    },
  };
}

/** What refusals must have in common to share a line, as a short hash. */
function getRepeatKey({ userId, clientId, actor, action, route, code, keys }: AuditedWrite): string {
  const common = JSON.stringify([userId, clientId, actor?.sub, action, route, code, keys]);
  return createHash('sha256').update(common).digest('base64');
}

function truncateKey(key: string): string {
  if (key.length <= MAX_KEY_CHARACTERS) return key;
  // Half a character that the cut may leave becomes a replacement character.
  return `${key.slice(0, MAX_KEY_CHARACTERS).toWellFormed()}…`;
}

// A file to which lines are appended in order. No request waits for the disk. A disk that fails
// delays lines and, after a bound, loses them; it never fails or slows down a request.

export interface AuditFile {
  /** Takes a line. Never throws. */
  write(line: string): void;
  /** Opens the path anew before the next line, after something has renamed the file. */
  reopen(): void;
  /** Whether the last attempt to write succeeded. Does no I/O. */
  isHealthy(): boolean;
  /** Opens the file, so that trouble with it is known at once. */
  start(): void;
  /** Writes what is left, if the disk takes it, and closes. */
  stop(): Promise<void>;
}

interface AuditFileDependencies {
  /** Called once when writing begins to fail, with the reason. */
  readonly onTrouble: (reason: unknown) => void;
  /** Called for lines that are dropped because the queue is full. */
  readonly onLost: (lines: number) => void;
}

interface AuditFileOptions {
  readonly path: string;
  /** Lines kept while the disk fails. */
  readonly maxLines: number;
  readonly retryMs: number;
}

/** Readable for the owner only: it says who did what. */
const MODE = 0o600;

export function createAuditFile(
  { onTrouble, onLost }: AuditFileDependencies,
  { path, maxLines, retryMs }: AuditFileOptions,
): AuditFile {
  let waiting: string[] = [];
  /** Bytes of a write that was cut short: what follows them must not begin in the middle of a line. */
  let rest: Buffer = Buffer.alloc(0);
  let handle: FileHandle | undefined;
  let stale = false;
  let healthy = true;
  let writing: Promise<void> | undefined;
  let retry: NodeJS.Timeout | undefined;

  async function close(): Promise<void> {
    const closing = handle;
    handle = undefined;
    await closing?.close();
  }

  async function openHandle(): Promise<FileHandle> {
    if (stale) {
      stale = false;
      await close().catch(() => undefined);
    }
    handle ??= await open(path, 'a', MODE);
    return handle;
  }

  async function writeAll(): Promise<void> {
    let current = await openHandle();
    while (rest.length > 0 || waiting.length > 0) {
      if (rest.length === 0) {
        // The file may have been rotated since the last block. Lines that come after that belong in the new file.
        current = await openHandle();
        rest = Buffer.from(waiting.join(''));
        waiting = [];
      }
      const { bytesWritten } = await current.write(rest);
      rest = rest.subarray(bytesWritten);
    }
  }

  async function attempt(): Promise<void> {
    try {
      await writeAll();
      healthy = true;
    } catch (error) {
      if (healthy) onTrouble(error);
      healthy = false;
      // The descriptor may be what is broken; the next attempt takes another.
      stale = true;
      retry = setTimeout(() => void flush(), retryMs).unref();
    }
    writing = undefined;
    if (healthy && (stale || waiting.length > 0)) void flush();
  }

  function flush(): Promise<void> {
    clearTimeout(retry);
    retry = undefined;
    writing ??= attempt();
    return writing;
  }

  return {
    write(line) {
      if (waiting.length >= maxLines) {
        onLost(1);
        return;
      }
      waiting.push(line);
      if (healthy) void flush();
    },
    reopen() {
      stale = true;
      void flush();
    },
    isHealthy: () => healthy,
    start: () => void flush(),
    async stop() {
      await writing;
      await flush();
      clearTimeout(retry);
      const left = waiting.length + (rest.length > 0 ? 1 : 0);
      if (left > 0) onLost(left);
      await close().catch(() => undefined);
    },
  };
}
