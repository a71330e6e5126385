/** nginx and Caddy with the configurations of `docs/deploying.md`, in which nothing differs but addresses and files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { createSelfSignedCertificate } from '../../packages/local-tenant/src/certificate.ts';
import { pageAt } from '../docs/documents.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

export interface Proxy {
  readonly port: number;
  /** What it wrote to its log. */
  log(): string;
  stop(): Promise<void>;
}

export interface ProxyOptions {
  /** Of the replicas, on 127.0.0.1. */
  readonly backends: readonly number[];
  /** In front of the resources, kept by the proxy: `/api/profile`. */
  readonly path?: string;
}

export type StartProxy = (options: ProxyOptions) => Promise<Proxy>;

/** The name of the site in the documentation. */
export const SITE = 'metadata.example.com';

/** The block of the page, with each change made. @throws Error for a change that finds nothing to change. */
function readSample(info: string, changes: ReadonlyArray<readonly [RegExp, string]>): string {
  const sample = pageAt('docs/deploying.md').fences.find((fence) => fence.info === info);
  if (sample === undefined) throw new Error(`docs/deploying.md has no block ${info}`);
  return changes.reduce((text, [pattern, replacement]) => {
    if (text.search(pattern) < 0) throw new Error(`the block ${info} has no ${String(pattern)}`);
    return text.replaceAll(pattern, replacement);
  }, sample.text);
}

export const startNginx: StartProxy = async ({ backends, path = '' }) => {
  const folder = mkdtempSync(join(tmpdir(), 'nginx-'));
  const port = await freePort();
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const certificate = createSelfSignedCertificate(keys).toString('base64');
  writeFileSync(join(folder, 'site.key'), keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(
    join(folder, 'site.pem'),
    `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`,
  );
  const servers = backends.map((backend) => `server 127.0.0.1:${backend}$1;`).join('\n');
  const sample = readSample('nginx', [
    [/server 127\.0\.0\.1:3000([^;]*);/g, servers],
    [/listen 443 /g, `listen 127.0.0.1:${port} `],
    [/\/etc\/nginx\/tls\/\S+\.(pem|key);/g, `${folder}/site.$1;`],
    ...(path === ''
      ? []
      : ([
          [/location \/ /g, `location ${path}/ `],
          [/location = \//g, `location = ${path}/`],
        ] as const)),
  ]);
  // Around the sample: what the main file of a distribution has, in a folder of the test's own.
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const configuration = `
    daemon off;
    pid ${folder}/nginx.pid;
    error_log stderr warn;
    worker_processes 1;
    events { worker_connections 1024; }
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
      ${sample}
    }`;
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration);
  return startProxy('nginx', ['-e', 'stderr', '-p', folder, '-c', file], { folder, port, quit: 'SIGTERM' });
};

export const startCaddy: StartProxy = async ({ backends, path = '' }) => {
  const folder = mkdtempSync(join(tmpdir(), 'caddy-'));
  const port = await freePort();
  const hosts = backends.map((backend) => `127.0.0.1:${backend}`).join(' ');
  const sample = readSample('caddy', [
    [/127\.0\.0\.1:3000/g, hosts],
    [/^:443 /gm, `:${port} `],
    ...(path === '' ? [] : ([[/reverse_proxy /g, `reverse_proxy ${path}/* `]] as const)),
  ]);
  // A certificate of its own making, and nothing outside of the test's folder.
  const options = `{
    admin off
    local_certs
    skip_install_trust
    auto_https disable_redirects
    default_bind 127.0.0.1
    https_port ${port}
    storage file_system ${folder}
  }\n`;
  const file = join(folder, 'Caddyfile');
  writeFileSync(file, options + sample);
  return startProxy('caddy', ['run', '--adapter', 'caddyfile', '--config', file], {
    folder,
    port,
    quit: 'SIGKILL',
  });
};

interface ProcessOptions {
  readonly folder: string;
  readonly port: number;
  readonly quit: NodeJS.Signals;
}

/** @throws Error with what it wrote when it ends before it listens. */
async function startProxy(
  program: string,
  args: readonly string[],
  { folder, port, quit }: ProcessOptions,
): Promise<Proxy> {
  const env = { PATH: `${process.env['PATH']}:/usr/sbin`, HOME: folder, XDG_CONFIG_HOME: folder };
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const failed = once(child, 'error').then(([error]: unknown[]) => {
    throw new Error(`${program} cannot be started: is it installed?`, { cause: error });
  });
  const listening = until(async () => {
    if (!isRunning(child)) throw new Error(`${program} ended before it listened:\n${log}`);
    return (await isServing(port)) || undefined;
  });
  await Promise.race([listening, failed]);
  failed.catch(() => undefined);
  return {
    port,
    log: () => log,
    async stop() {
      if (isRunning(child)) {
        const ended = once(child, 'exit');
        child.kill(quit);
        await ended;
      }
      process.off('exit', kill);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

/** Whether it serves the site: Caddy listens before it has the certificate. */
function isServing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, servername: SITE, rejectUnauthorized: false });
    socket.once('secureConnect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('secureConnect', () => socket.destroy());
  });
}
