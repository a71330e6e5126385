/**
 * One session with Redis in each of the three ways in which it is run: a single server, a primary that Sentinels
 * name, or a cluster. A session begins with a look-up of names and ends with the first connection that is lost, because
 * announcements may have been missed then. It is never mended, but followed by a new one.
 */
import { createClient, createCluster, createSentinel, ErrorReply } from '@redis/client';
import type { RedisScript } from './script.ts';

export interface RedisNode {
  /** A name or an address; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** PEM texts for TLS; undefined members leave the choice to Node. */
export interface RedisTls {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface RedisAddress {
  readonly topology: 'single' | 'sentinel' | 'cluster';
  /** The server, the Sentinels, or some nodes of the cluster. */
  readonly nodes: readonly [RedisNode, ...RedisNode[]];
  /** What Sentinels call the primary; empty in the other topologies. */
  readonly masterName: string;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Undefined: no TLS. */
  readonly tls: RedisTls | undefined;
}

export interface RedisSession {
  /** Runs the script by its hash. @throws what Redis answers, NOSCRIPT included. */
  evalSha(sha1: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  eval(source: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  get(key: string): Promise<string | null>;
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
  destroy(): void;
}

/** Whether Redis has answered, and refused. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof ErrorReply;
}

/** A session that is being opened: it can be given up before it is there. */
export interface OpeningSession {
  readonly opened: Promise<RedisSession>;
  destroy(): void;
}

/** The time for a TCP connection. The caller bounds what comes after that. */
const CONNECT_TIMEOUT_MS = 1_000;
const COMMANDS_MAX = 10_000;

/** @param onLost called when a connection was lost, or could not be made. May be called more than once. */
export function openSession(address: RedisAddress, onLost: (error: Error) => void): OpeningSession {
  if (address.topology === 'cluster') return openCluster(address, onLost);
  return address.topology === 'sentinel' ? openSentinel(address, onLost) : openSingle(address, onLost);
}

function getClientOptions({ username, password, database }: RedisAddress) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(database === 0 ? {} : { database }),
    disableOfflineQueue: true,
    disableClientInfo: true,
    commandsQueueMaxLength: COMMANDS_MAX,
  };
}

function getSocketOptions({ tls }: RedisAddress) {
  const common = { connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false } as const;
  if (tls === undefined) return common;
  const { ca, cert, key } = tls;
  return {
    ...common,
    tls: true as const,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** What the clients of all topologies have in common. */
interface Commands {
  evalSha(sha1: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(source: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  get(key: string): Promise<string | null>;
}

function toSession(
  commands: Commands,
  subscribe: (channel: string, listener: (message: string) => void) => Promise<unknown>,
  destroy: () => void,
): RedisSession {
  return {
    evalSha: (sha1, keys, args) => commands.evalSha(sha1, { keys: [...keys], arguments: [...args] }),
    eval: (source, keys, args) => commands.eval(source, { keys: [...keys], arguments: [...args] }),
    get: (key) => commands.get(key),
    async subscribe(channel, listener) {
      await subscribe(channel, listener);
    },
    destroy,
  };
}

/** Commands and announcements share the connection (RESP3), so that they arrive in the order in which Redis sent them. */
function openSingle(address: RedisAddress, onLost: (error: Error) => void): OpeningSession {
  const [node] = address.nodes;
  const client = createClient({
    ...getClientOptions(address),
    RESP: 3,
    socket: { ...getSocketOptions(address), ...node },
  });
  client.on('error', onLost);
  const destroy = () => client.destroy();
  const open = async () => {
    await client.connect();
    return toSession(client, (channel, listener) => client.subscribe(channel, listener), destroy);
  };
  return { opened: open(), destroy };
}

function openSentinel(address: RedisAddress, onLost: (error: Error) => void): OpeningSession {
  const sentinel = createSentinel({
    name: address.masterName,
    sentinelRootNodes: address.nodes.map((node) => ({ ...node })),
    RESP: 3,
    nodeClientOptions: { ...getClientOptions(address), socket: getSocketOptions(address) },
    sentinelClientOptions: { disableClientInfo: true, socket: getSocketOptions(address) },
    // A session that fails is followed by another one.
    maxCommandRediscovers: 0,
  });
  let opened = false;
  const lose = (error: unknown) => onLost(error instanceof Error ? error : new Error('sentinel failed'));
  // Before the session is open, this is called for each Sentinel that does not answer, although another one may.
  sentinel.on('error', (error: unknown) => {
    if (opened) lose(error);
  });
  sentinel.on('client-error', ({ type, error }) => {
    if (type === 'MASTER') lose(error);
  });
  sentinel.on('topology-change', ({ type }) => {
    if (opened && type === 'MASTER_CHANGE') lose(new Error('the primary has changed'));
  });
  const destroy = () => void sentinel.destroy().catch(() => undefined);
  const open = async () => {
    await sentinel.connect();
    // Outside of a lease, the client sends one command after another.
    const lease = await sentinel.acquire();
    opened = true;
    return toSession(lease, (channel, listener) => sentinel.subscribe(channel, listener), destroy);
  };
  return { opened: open(), destroy };
}

function toName({ host, port }: Pick<RedisNode, 'host' | 'port'>): string {
  return `${host}:${port}`;
}

function openCluster(address: RedisAddress, onLost: (error: Error) => void): OpeningSession {
  const cluster = createCluster({
    rootNodes: address.nodes.map(({ host, port }) => ({ socket: { host, port } })),
    defaults: { ...getClientOptions(address), socket: getSocketOptions(address) },
    RESP: 3,
    // A node that is down must not keep the others from being used.
    minimizeConnections: true,
  });
  const ready = new Set<string>();
  cluster.on('error', () => undefined);
  cluster.on('node-ready', (node) => ready.add(toName(node)));
  // A node that cannot be reached fails its own commands; one that was lost may have been the one that announces.
  cluster.on('node-error', (error: Error, node) => {
    if (ready.has(toName(node))) onLost(error);
  });
  const destroy = () => cluster.destroy();
  const open = async () => {
    await cluster.connect();
    return toSession(cluster, (channel, listener) => cluster.subscribe(channel, listener), destroy);
  };
  return { opened: open(), destroy };
}

/** Runs a script by its hash, and sends it whole only where Redis does not know it. */
export async function evaluate(
  session: RedisSession,
  { source, sha1 }: Pick<RedisScript, 'source' | 'sha1'>,
  keys: readonly string[],
  args: readonly string[],
  mayLoad: boolean,
): Promise<unknown> {
  try {
    return await session.evalSha(sha1, keys, args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT') || !mayLoad) throw error;
    return session.eval(source, keys, args);
  }
}
