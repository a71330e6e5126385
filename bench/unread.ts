/**
 * Unread answers: what 250 connections that ask for a public resource and never read add to the memory of the service.
 * Needs Linux, root, and `ip` and `sysctl` (Debian: iproute2, procps), because it builds a network of its own; without
 * them it says that it did not measure. Alone: `npm run bench -- unread`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { packageRoot } from '../demo/package-root.ts';
import { type Bench, type Cell, goal, table } from './report.ts';
import { createNamespaces, type Namespaces } from './unread/namespaces.ts';

const CONNECTIONS = 250;
const MEGABYTES_MAX = 60;
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

const ROOT = packageRoot(import.meta.dirname);
const SERVICE = join(ROOT, '.build', 'src', 'main.js');
const READERS = join(import.meta.dirname, 'unread', 'readers.js');

/** Starts a program of ours and resolves with it when it has written a line that `isReady` accepts. */
async function start(
  prefix: readonly string[],
  program: string,
  env: Readonly<Record<string, string>>,
  isReady: (line: string) => boolean,
): Promise<{ readonly child: ChildProcess; readonly line: string; readonly stop: () => Promise<void> }> {
  const [file, ...args] = [...prefix, process.execPath, program];
  const child = spawn(file, args, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise<string>((resolve, reject) => {
    lines.on('line', (each) => isReady(each) && resolve(each));
    lines.once('close', () => reject(new Error(`${program} ended before it was ready`)));
  });
  return {
    child,
    line,
    async stop() {
      process.removeListener('exit', kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      kill();
      await ended;
    },
  };
}

/** Public resources ask the tenant for nothing, so that there need be none. */
function startService({ server, serverAddress }: Namespaces) {
  const env = {
    HOST: serverAddress,
    PORT: '0',
    OPS_PORT: '0',
    AUDIENCE: 'https://metadata-bff.local',
    AUTH0_DOMAIN: 'tenant.invalid',
    AUTH0_CLIENT_ID: 'benchmark',
    AUTH0_CLIENT_SECRET: 'benchmark-secret',
  };
  return start(server, SERVICE, env, (line) => line.includes('"event":"started"'));
}

function residentBytes({ pid }: ChildProcess): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** The most that the process holds until it has not grown for a while. */
async function settledBytes(child: ChildProcess): Promise<number> {
  let most = residentBytes(child);
  for (let quietMs = 0; quietMs < SETTLE_MS; quietMs += SAMPLE_MS) {
    await delay(SAMPLE_MS);
    const bytes = residentBytes(child);
    if (bytes > most + 500_000) quietMs = 0;
    most = Math.max(most, bytes);
  }
  return most;
}

/** Megabytes that the connections add, in a service that has answered this very request before. */
async function measure(namespaces: Namespaces, target: string): Promise<number> {
  const service = await startService(namespaces);
  const [, port = ''] = /"port":(\d+)/.exec(service.line) ?? [];
  const ask = (connections: number) => {
    const env = { HOST: namespaces.serverAddress, PORT: port, TARGET: target };
    return start(
      namespaces.client,
      READERS,
      { ...env, CONNECTIONS: String(connections) },
      (line) => line === 'open',
    );
  };
  try {
    const first = await ask(1);
    const before = await settledBytes(service.child);
    await first.stop();
    const readers = await ask(CONNECTIONS);
    const after = await settledBytes(service.child);
    await readers.stop();
    return (after - before) / 1e6;
  } finally {
    await service.stop();
  }
}

/** Measures each public resource in a process of its own. */
export const benchUnread: Bench = async (log) => {
  const title = 'Unread answers';
  const namespaces = createNamespaces();
  if (!namespaces) {
    log('unread: not measured, for want of root, ip or sysctl');
    return { title, body: 'Not measured: this takes Linux, root, `ip` and `sysctl`.' };
  }
  const rows: Cell[][] = [];
  try {
    for (const target of RESOURCES) {
      const megabytes = await measure(namespaces, target);
      rows.push([`\`${target}\``, Math.round(megabytes * 10) / 10]);
      log(`unread: ${target}, ${megabytes.toFixed(1)} MB`);
    }
  } finally {
    namespaces.remove();
  }
  return {
    title,
    body: [
      `What ${CONNECTIONS} connections that ask once and never read add to the resident memory of the service, over a network`,
      'of 1500-byte packets and with receive buffers of 4 KB.',
      '',
      table(['resource', 'MB added'], rows),
      '',
      goal(
        `no resource adds ${MEGABYTES_MAX} MB`,
        rows.every(([, megabytes]) => Number(megabytes) < MEGABYTES_MAX),
      ),
    ].join('\n'),
  };
};
