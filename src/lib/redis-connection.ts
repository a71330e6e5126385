/**
 * One connection to Redis or Valkey for commands and announcements alike (RESP3). It is either up, and
 * then answers within a small time-out and hears every announcement, or down, and then refuses at once.
 */
import { createClient, ErrorReply } from '@redis/client';
import {
  RedisRefused,
  type RedisReply,
  type RedisScript,
  RedisUnavailable,
  redisErrorCode,
  toReply,
} from './redis-script.ts';
import { createSingleFlight } from './single-flight.ts';
import { withinTime } from './time-limit.ts';

export interface RedisConnection {
  /** @throws RedisUnavailable within the command time-out, at once while down; RedisRefused. */
  run(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<RedisReply>;
  /** @throws RedisUnavailable likewise. */
  get(key: string): Promise<string | undefined>;
  /** Hears what is published from now on, also after reconnections. What is published while down is lost. */
  subscribe(channel: string, listener: (message: string) => void): void;
  /** Grows by one each time the connection comes up; undefined while it is down. */
  era(): number | undefined;
  /** Whether it is up and takes writes. */
  healthy(): boolean;
  /** Called, before `era()` says so, when the connection comes up; what it does is part of coming up. */
  onUp(task: () => Promise<void>): void;
  /** Called once when the connection goes down or Redis takes no writes any more, with the reason. */
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

const PROBE_KEY = 'metadata-bff:probe';

/** A connection on which nothing has passed for so many probes is taken for lost. */
const SILENT_PROBES_MAX = 6;

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
    socket: {
      connectTimeout: 1_000,
      reconnectStrategy: probeIntervalMs,
      socketTimeout: SILENT_PROBES_MAX * probeIntervalMs,
    },
  });
  const upTasks: Array<() => Promise<void>> = [];
  const downListeners: Array<(reason: Error) => void> = [];
  const subscriptions: Array<{ readonly channel: string; readonly listener: (message: string) => void }> = [];
  let eras = 0;
  let up = false;
  let comingUp = false;
  let outstanding: Promise<unknown> | undefined;
  let refusing = false;
  /** Whether the listeners know that the connection is down. */
  let told = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  // Its messages may name the address with its password, so only the kind is kept.
  client.on('error', (error: Error) => takeDown(new RedisUnavailable(redisErrorCode(error))));
  client.on('end', () => takeDown(new RedisUnavailable('the connection ended')));
  client.on('ready', () => void probe());

  function takeDown(reason: Error): void {
    up = false;
    if (told) return;
    told = true;
    for (const listener of downListeners) listener(reason);
  }

  async function bounded<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await withinTime(task, commandTimeoutMs, () => RedisUnavailable.noAnswer());
    } catch (error) {
      if (error instanceof ErrorReply) throw new RedisRefused(redisErrorCode(error));
      const failure = error instanceof RedisUnavailable ? error : new RedisUnavailable(redisErrorCode(error));
      takeDown(failure);
      throw failure;
    }
  }

  /** One at a time: on a connection that has fallen silent, nothing more is sent, so that it is found idle. */
  function ping(): Promise<unknown> {
    outstanding = client.ping().finally(() => {
      outstanding = undefined;
    });
    return outstanding;
  }

  /** A Redis that is full or read-only is there all the same, but shares nothing new. */
  async function tryWrite(): Promise<void> {
    try {
      await bounded(() => client.set(PROBE_KEY, '1', { expiration: { type: 'PX', value: 10_000 } }));
      refusing = false;
    } catch (error) {
      if (!(error instanceof RedisRefused)) throw error;
      if (!refusing) for (const listener of downListeners) listener(error);
      refusing = true;
    }
  }

  /** Asks for a sign of life and, if there is one, brings the connection up. */
  const probe = createSingleFlight(async () => {
    if (!client.isReady || outstanding) return;
    try {
      await bounded(ping);
      await tryWrite();
      if (up || stopped) return;
      comingUp = true;
      await subscribeAll();
      // In order: an earlier task may be what a later one relies on.
      for (const task of upTasks) await task();
      eras += 1;
      up = true;
      told = false;
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
      if (!up && !comingUp) throw new RedisUnavailable('not connected', false);
      return toReply(await bounded(() => evaluate(script, keys, args)));
    },
    async get(key) {
      if (!up) throw new RedisUnavailable('not connected', false);
      return (await bounded(() => client.get(key))) ?? undefined;
    },
    subscribe(channel, listener) {
      subscriptions.push({ channel, listener });
    },
    era: () => (up ? eras : undefined),
    healthy: () => up && !refusing,
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
