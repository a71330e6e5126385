/**
 * A file that lines are appended to, in order, without anybody waiting for the disk. A disk that fails
 * delays lines and, after a bound, loses them; it never fails or slows down a request.
 */
import { Buffer } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';

export interface AuditFile {
  /** Takes a line. Never throws. */
  write(line: string): void;
  /** Opens the path anew before the next line, after something has renamed the file. */
  reopen(): void;
  /** Whether the last attempt to write succeeded. Asks nobody. */
  healthy(): boolean;
  /** Opens the file, so that trouble with it is known at once. */
  start(): void;
  /** Writes what is left, if the disk takes it, and closes. */
  stop(): Promise<void>;
}

interface Dependencies {
  /** Called once when writing begins to fail, with the reason. */
  readonly onTrouble: (reason: unknown) => void;
  /** Called for lines that there is no room to keep until the disk is back. */
  readonly onLost: (lines: number) => void;
}

export interface AuditFileOptions {
  readonly path: string;
  /** Lines kept while the disk fails. */
  readonly linesMax: number;
  readonly retryMs: number;
}

/** Readable for the owner only: it says who did what. */
const MODE = 0o600;

export function createAuditFile(
  { onTrouble, onLost }: Dependencies,
  { path, linesMax, retryMs }: AuditFileOptions,
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

  async function writeAll(): Promise<void> {
    if (stale) {
      stale = false;
      await close().catch(() => undefined);
    }
    handle ??= await open(path, 'a', MODE);
    while (rest.length > 0 || waiting.length > 0) {
      if (rest.length === 0) {
        rest = Buffer.from(waiting.join(''));
        waiting = [];
      }
      const { bytesWritten } = await handle.write(rest);
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
      if (waiting.length >= linesMax) {
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
    healthy: () => healthy,
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
