/**
 * Unread answers: what 250 connections that ask for a public resource and never read add to the memory of the service.
 * Needs Linux, root, and `ip` and `sysctl` (Debian: iproute2, procps), because it builds a network of its own; without
 * them it says that it did not measure. On the loopback interface segments are so large that the system itself takes in
 * what the clients do not read.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type MeasuredProcess, SERVICE_FILE, startProcess } from './process.ts';
import { type Bench, type Cell, goal, table } from './report.ts';
import { REQUIRED } from './service.ts';

const CONNECTIONS = 250;
const MAX_MEGABYTES = 60;
const RESOURCES = [
  '/docs',
  '/docs/swagger-ui-bundle.js',
  '/docs/swagger-ui.css',
  '/docs/start.js',
  '/openapi.json',
  '/schemas/user-metadata',
  '/.well-known/oauth-protected-resource',
  '/nowhere',
];
/** Memory counts as settled when it has not grown for this long. */
const SETTLE_MS = 1_500;
const SAMPLE_MS = 50;
const SERVER_ADDRESS = '10.203.113.1';
const CLIENT_ADDRESS = '10.203.113.2';

interface Network {
  /** What to put in front of a command that runs beside the server, or beside the clients. */
  readonly server: readonly string[];
  readonly client: readonly string[];
  remove(): void;
}

/** Two network namespaces joined by a cable, with receive buffers of 4 KB. Undefined where that cannot be had. */
function createNetwork(): Network | undefined {
  const [server, client] = [`bench-server-${process.pid}`, `bench-client-${process.pid}`];
  const script = `
    ip netns add ${server}
    ip netns add ${client}
    ip link add name unread netns ${server} mtu 1500 type veth peer name unread netns ${client} mtu 1500
    ip -n ${server} address add ${SERVER_ADDRESS}/24 dev unread
    ip -n ${client} address add ${CLIENT_ADDRESS}/24 dev unread
    for name in ${server} ${client}; do
      ip -n $name link set unread up
      ip -n $name link set lo up
    done
    ip netns exec ${client} sysctl -q -w net.ipv4.tcp_rmem='4096 4096 4096'`;
  const remove = () => void spawnSync('sh', ['-c', `ip netns delete ${server}; ip netns delete ${client}`]);
  if (process.getuid?.() !== 0 || spawnSync('ip', ['-V']).status !== 0) return undefined;
  if (spawnSync('sh', ['-ec', script]).status !== 0) {
    remove();
    return undefined;
  }
  return { server: ['ip', 'netns', 'exec', server], client: ['ip', 'netns', 'exec', client], remove };
}

/** The most resident memory of the process until it has not grown for a while. */
async function settledBytes(server: MeasuredProcess): Promise<number> {
  let { rssBytes: most } = await server.usage();
  for (let quietMs = 0; quietMs < SETTLE_MS; quietMs += SAMPLE_MS) {
    await delay(SAMPLE_MS);
    const { rssBytes } = await server.usage();
    if (rssBytes > most + 500_000) quietMs = 0;
    most = Math.max(most, rssBytes);
  }
  return most;
}

/** Megabytes that the connections add, in a service that has answered this very request before. */
async function measure(network: Network, target: string): Promise<number> {
  const service = await startProcess({
    prefix: network.server,
    file: SERVICE_FILE,
    // Public resources ask the tenant for nothing, so that there need be none.
    env: { ...REQUIRED, HOST: SERVER_ADDRESS },
    isReady: (_port, output) => output.includes('"event":"started"'),
  });
  const address = { TARGET_HOST: SERVER_ADDRESS, TARGET_PORT: String(service.port), TARGET: target };
  const startClients = (connections: number) =>
    startProcess({
      prefix: network.client,
      file: join(import.meta.dirname, 'unread-clients.js'),
      env: { ...address, CONNECTIONS: String(connections) },
      isReady: (_port, output) => output.includes('open'),
    });
  const first = await startClients(1);
  const before = await settledBytes(service);
  await first.stop();
  const clients = await startClients(CONNECTIONS);
  const after = await settledBytes(service);
  await clients.stop();
  await service.stop();
  return (after - before) / 1e6;
}

/** Measures each public resource in a process of its own. */
export const benchUnread: Bench = async (log) => {
  const title = 'Unread answers';
  const network = createNetwork();
  if (!network) return { title, body: 'Not measured: this takes Linux, root, `ip` and `sysctl`.' };
  const rows: Cell[][] = [];
  try {
    for (const target of RESOURCES) {
      rows.push([`\`${target}\``, Number((await measure(network, target)).toFixed(1))]);
      log(`${rows.at(-1)?.join(': ')} MB`);
    }
  } finally {
    network.remove();
  }
  return {
    title,
    body: [
      `What ${CONNECTIONS} connections that ask once and never read add to the resident memory of the service,`,
      'over a network of 1500-byte packets and with receive buffers of 4 KB.',
      '',
      table(['resource', 'MB added'], rows),
      '',
      goal(
        `no resource adds ${MAX_MEGABYTES} MB`,
        rows.every(([, megabytes]) => Number(megabytes) < MAX_MEGABYTES),
      ),
    ].join('\n'),
  };
};
