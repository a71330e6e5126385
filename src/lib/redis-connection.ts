/**
 * One connection to Redis or Valkey for commands and announcements alike (RESP3). It is either up, and
 * then answers within a small time-out and hears every announcement, or down, and then refuses at once.
 */
import { createClient, ErrorReply } from '@redis/client';
import { createHash } from 'node:crypto';
import { SafeError } from './safe-error.ts';
import { createSingleFlight } from './single-flight.ts';

/** Redis is down or did not answer in time. Nothing is known about what the command did. */
export class RedisUnavailable extends SafeError {
  constructor(reason: string) {
    super(`redis is unavailable: ${reason}`);
    this.name = 'RedisUnavailable';
  }
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

export interface RedisConnection {
  /** @throws RedisUnavailable within the command time-out, at once while down; RedisRefused. */
  run(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<RedisReply>;
  /** @throws RedisUnavailable likewise. */
  get(key: string): Promise<string | undefined>;
  /** Hears what is published from now on, also after reconnections. What is published while down is lost. */
  subscribe(channel: string, listener: (message: string) => void): void;
  /** Grows by one each time the connection comes up; undefined while it is down. */
  era(): number | undefined;
  /** Called, before `era()` says so, when the connection comes up; what it does is part of coming up. */
  onUp(task: () => Promise<void>): void;
  /** Called once when the connection goes down, with the reason. */
  onDown(listener: (reason: Error) => void): void;
  /** Connects in the background and goes on trying until `stop`. */
  start(): void;
  stop(): Promise<void>;
}

export interface RedisConnectionOptions {
  readonly url: string;
  /** A command that takes longer counts as a failure of Redis, and takes the connection down. */
  readonly commandTimeoutMs: number;
  /** Pause between probes while Redis is down or frozen, and between those that watch it while idle. */
  readonly probeIntervalMs: number;
}

/**
 * A frozen Redis keeps its connections open, so a time-out takes the connection down (the breaker), and
 * only a probe that is answered in time brings it up again.
 */
export function createRedisConnection({
  url,
  commandTimeoutMs,
  probeIntervalMs,
}: RedisConnectionOptions): RedisConnection {
  const client = createClient({
    url,
    RESP: 3,
    disableOfflineQueue: true,
    disableClientInfo: true,
    commandsQueueMaxLength: 10_000,
    socket: { connectTimeout: 1_000, reconnectStrategy: probeIntervalMs },
  });
  const upTasks: Array<() => Promise<void>> = [];
  const downListeners: Array<(reason: Error) => void> = [];
  const subscriptions: Array<{ readonly channel: string; readonly listener: (message: string) => void }> = [];
  let eras = 0;
  let up = false;
  let comingUp = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  // Its messages may name the address with its password, so only the kind is kept.
  client.on('error', (error: Error) => takeDown(new RedisUnavailable(codeOf(error))));
  client.on('end', () => takeDown(new RedisUnavailable('the connection ended')));
  client.on('ready', () => void probe());

  function takeDown(reason: Error): void {
    if (!up) return;
    up = false;
    for (const listener of downListeners) listener(reason);
  }

  async function bounded<T>(task: () => Promise<T>): Promise<T> {
    let timeout: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timeout = setTimeout(() => reject(new RedisUnavailable('no answer in time')), commandTimeoutMs);
    });
    try {
      return await Promise.race([task(), late]);
    } catch (error) {
      if (error instanceof ErrorReply) throw new RedisRefused(codeOf(error));
      const failure = error instanceof RedisUnavailable ? error : new RedisUnavailable(codeOf(error));
      takeDown(failure);
      throw failure;
    } finally {
      clearTimeout(timeout);
    }
  }

  /** Asks for a sign of life and, if there is one, brings the connection up. */
  const probe = createSingleFlight(async () => {
    if (!client.isReady) return;
    try {
      await bounded(() => client.ping());
      if (up || stopped) return;
      comingUp = true;
      await subscribeAll();
      // In order: an earlier task may be what a later one relies on.
      for (const task of upTasks) await task();
      eras += 1;
      up = true;
    } catch {
      // Still down; the next probe is on its way.
    } finally {
      comingUp = false;
    }
  });

  /** The client subscribes again by itself after a reconnection. */
  async function subscribeAll(): Promise<void> {
    const pending = subscriptions.splice(0);
    await Promise.all(
      pending.map(({ channel, listener }) => bounded(() => client.subscribe(channel, listener))),
    ).catch((error: unknown) => {
      subscriptions.push(...pending);
      throw error;
    });
  }

  async function evaluate({ source, sha1 }: RedisScript, keys: readonly string[], args: readonly string[]) {
    const options = { keys: [...keys], arguments: [...args] };
    try {
      return await client.evalSha(sha1, options);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return client.eval(source, options);
    }
  }

  return {
    async run(script, keys, args) {
      if (!up && !comingUp) throw new RedisUnavailable('not connected');
      return toReply(await bounded(() => evaluate(script, keys, args)));
    },
    async get(key) {
      if (!up) throw new RedisUnavailable('not connected');
      return (await bounded(() => client.get(key))) ?? undefined;
    },
    subscribe(channel, listener) {
      subscriptions.push({ channel, listener });
    },
    era: () => (up ? eras : undefined),
    onUp(task) {
      upTasks.push(task);
    },
    onDown(listener) {
      downListeners.push(listener);
    },
    start() {
      client.connect().catch(() => undefined);
      timer = setInterval(() => void probe(), probeIntervalMs);
      timer.unref();
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      client.destroy();
    },
  };
}

function toReply(value: unknown): RedisReply {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  return Array.isArray(value) ? value.map(toReply) : null;
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  // An answer of Redis starts with its own error code, such as OOM, READONLY or NOAUTH.
  return code ?? /^[A-Z]{2,}\b/.exec(error.message)?.[0] ?? error.constructor.name;
}
