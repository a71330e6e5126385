/**
 * Two network namespaces joined by a cable: a server in one, clients with small receive buffers in the other. On the
 * loopback interface segments are so large that the system itself takes in what nobody reads.
 */
import { spawnSync } from 'node:child_process';

export interface Namespaces {
  /** What to put in front of a command that runs beside the server, or beside the clients. */
  readonly server: readonly string[];
  readonly client: readonly string[];
  readonly serverAddress: string;
  remove(): void;
}

const SERVER_ADDRESS = '10.203.113.1';
const CLIENT_ADDRESS = '10.203.113.2';
const MTU = 1500;
/** Bytes: the least, the usual and the most that a connection takes in unread. */
const RECEIVE_BUFFER = '4096 4096 4096';

/** Undefined where this process may not make any, or where the program `ip` is missing. */
export function createNamespaces(): Namespaces | undefined {
  if (process.getuid?.() !== 0 || spawnSync('ip', ['-V']).status !== 0) return undefined;
  const [server, client] = [`bench-server-${process.pid}`, `bench-client-${process.pid}`];
  const remove = () => {
    for (const name of [server, client]) spawnSync('ip', ['netns', 'delete', name]);
  };
  const commands = [
    `netns add ${server}`,
    `netns add ${client}`,
    `link add name unread netns ${server} mtu ${MTU} type veth peer name unread netns ${client} mtu ${MTU}`,
    ...[
      [server, SERVER_ADDRESS],
      [client, CLIENT_ADDRESS],
    ].flatMap(([name, address]) => [
      `-n ${name} address add ${address}/24 dev unread`,
      `-n ${name} link set unread up`,
      `-n ${name} link set lo up`,
    ]),
    `netns exec ${client} sysctl -q -w net.ipv4.tcp_rmem=${RECEIVE_BUFFER}`,
  ];
  for (const command of commands) {
    const words = command.split(' ');
    const value = words.findIndex((word) => word.includes('='));
    const args = value < 0 ? words : [...words.slice(0, value), words.slice(value).join(' ')];
    if (spawnSync('ip', args).status === 0) continue;
    remove();
    return undefined;
  }
  return {
    server: ['ip', 'netns', 'exec', server],
    client: ['ip', 'netns', 'exec', client],
    serverAddress: SERVER_ADDRESS,
    remove,
  };
}
