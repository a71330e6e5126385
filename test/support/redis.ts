/** A Redis of a test's own, which it may freeze, kill, fill or lock out; or word that there is none. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { createClient } from '@redis/client';
import { parseRedisUrl } from '../../config/parsers.ts';
import { KEY_GROUPS } from '../../src/redis/script.ts';
import type { RedisAddress } from '../../src/redis/session.ts';
import { ACQUIRE_WRITE_LOCK } from '../../src/redis/lock.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

export interface TestRedis {
  readonly port: number;
  /** With the password, if there is one. */
  readonly url: string;
  /** Runs a command on a connection of its own. */
  command(...words: readonly string[]): Promise<unknown>;
  stop(): Promise<void>;
}

/** A server that the test has for itself. */
export interface RedisServer extends TestRedis {
  /** It keeps its connections and answers nothing. */
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
  /** Starts again on the same port, empty; does nothing while it runs. */
  restart(): Promise<void>;
  /** Ends every connection, and lets only clients in that know this password. */
  lockOut(password: string): Promise<void>;
}

const PROGRAM = 'redis-server';
/** Whether a server can be started here. */
const hasServer = spawnSync(PROGRAM, ['--version']).status === 0;
const given = process.env['REDIS_URL'];

/** Whether any Redis can be used: one that is started here, or the one that `REDIS_URL` names. */
export function redisAvailable(): boolean {
  return hasServer || given !== undefined;
}

/** As the connection takes it. */
export function redisAddress(url: string): RedisAddress {
  const { encrypted: _encrypted, ...address } = parseRedisUrl(url);
  return { ...address, tls: undefined };
}

/** Tests that are content with any Redis. Without one they say so, and pass. */
export function describeWithRedis(name: string, body: () => void): void {
  describeIf(redisAvailable(), name, 'no redis-server on the PATH and no REDIS_URL', body);
}

/** Tests that freeze or kill a Redis, and so need one of their own. Without one they say so, and pass. */
export function describeWithRedisServer(name: string, body: () => void): void {
  describeIf(hasServer, name, 'no redis-server on the PATH', body);
}

function describeIf(possible: boolean, name: string, missing: string, body: () => void): void {
  describe(`with Redis: ${name}`, () => {
    if (possible) {
      body();
      return;
    }
    test(`not run: ${missing}`, () => {
      process.stderr.write(`${name}: not run: ${missing}\n`);
      expect(possible).toBe(false);
    });
  });
}

/** A server of its own where one can be started, else the one that `REDIS_URL` names. */
export async function openRedis(): Promise<TestRedis> {
  if (hasServer) return startRedis();
  const url = given ?? '';
  return {
    port: Number(new URL(url).port || 6379),
    url,
    command: (...words) => command(url, words),
    stop: async () => undefined,
  };
}

/** What a Redis holds that has been in use for a while; a new one grants write locks only after a bound. */
const IN_USE = KEY_GROUPS.flatMap((group) => [`metadata-bff:write:{${group}}:since`, '1']);

export interface RedisServerOptions {
  readonly password?: string;
  /** Whether it is to hold nothing, as when it is seen for the first time. */
  readonly empty?: boolean;
  /** Further arguments of the server. */
  readonly more?: readonly string[];
}

export async function startRedis({
  password = '',
  empty = false,
  more = [],
}: RedisServerOptions = {}): Promise<RedisServer> {
  const port = await freePort();
  let currentPassword = password;
  const url = () => `redis://${currentPassword === '' ? '' : `:${currentPassword}@`}127.0.0.1:${port}`;
  const run = (...words: readonly string[]) => command(url(), words);
  let server = await launch(port, password, more);
  if (!empty) {
    await run('SCRIPT', 'LOAD', ACQUIRE_WRITE_LOCK.source);
    await run('MSET', ...IN_USE);
  }

  const running = () => server.exitCode === null && server.signalCode === null;

  async function kill(): Promise<void> {
    if (!running()) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }

  return {
    port,
    url: url(),
    command: run,
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    kill,
    async restart() {
      if (!running()) server = await launch(port, currentPassword, more);
    },
    async lockOut(next) {
      await run('CONFIG', 'SET', 'requirepass', next);
      currentPassword = next;
      await run('CLIENT', 'KILL', 'TYPE', 'normal');
      await run('CLIENT', 'KILL', 'TYPE', 'pubsub');
    },
    stop: kill,
  };
}

async function launch(port: number, password: string, more: readonly string[] = []): Promise<ChildProcess> {
  const nothingOnDisk = ['--save', '', '--appendonly', 'no', '--dir', tmpdir()];
  const lock = password === '' ? [] : ['--requirepass', password];
  const args = ['--port', String(port), '--bind', '127.0.0.1', ...nothingOnDisk, ...lock, ...more];
  const server = spawn(PROGRAM, args, { stdio: 'ignore' });
  const killAtExit = () => void server.kill('SIGKILL');
  process.once('exit', killAtExit);
  server.once('exit', () => process.off('exit', killAtExit));
  const url = `redis://${password === '' ? '' : `:${password}@`}127.0.0.1:${port}`;
  await until(() => {
    if (server.exitCode !== null) throw new Error(`redis-server ended with code ${server.exitCode}`);
    return command(url, ['PING']).catch(() => undefined);
  });
  return server;
}

export async function command(url: string, words: readonly string[]): Promise<unknown> {
  const client = createClient({ url, socket: { reconnectStrategy: false } });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await client.sendCommand([...words]);
  } finally {
    client.destroy();
  }
}
