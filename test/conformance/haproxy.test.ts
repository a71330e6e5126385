/** What HAProxy makes of the service with the health checks that it sends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { freePort } from '../support/free-port.ts';
import { openScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const { service } = await openScene();
const opsPort = Number(new URL(service.opsUrl).port);

interface Check {
  readonly name: string;
  /** What follows `option httpchk`; nothing for the default, `OPTIONS / HTTP/1.0` without a Host. */
  readonly option: string;
  readonly port: number;
}

const PASSING: readonly Check[] = [
  { name: 'public_default', option: '', port: service.port },
  { name: 'public_server_wide', option: 'OPTIONS *', port: service.port },
  { name: 'public_document', option: 'GET /.well-known/oauth-protected-resource', port: service.port },
  { name: 'operations_default', option: '', port: opsPort },
  { name: 'operations_livez', option: 'GET /livez', port: opsPort },
  { name: 'operations_readyz', option: 'HEAD /readyz', port: opsPort },
];
const FAILING: Check = { name: 'no_resource', option: 'GET /nowhere', port: opsPort };

const folder = mkdtempSync(join(tmpdir(), 'haproxy-'));
const statsPort = await freePort();
const configuration = join(folder, 'haproxy.cfg');
writeFileSync(
  configuration,
  `
defaults
  mode http
  timeout connect 1s
  timeout client 1s
  timeout server 1s
frontend statistics
  bind 127.0.0.1:${statsPort}
  stats enable
  stats uri /
${[...PASSING, FAILING]
  .map(
    ({ name, option, port }) => `backend ${name}
  option httpchk ${option}
  server service 127.0.0.1:${port} check inter 500ms fall 1 rise 1
`,
  )
  .join('')}`,
);
const haproxy = spawn('haproxy', ['-db', '-f', configuration], { stdio: ['ignore', 'ignore', 'pipe'] });
let log = '';
haproxy.stderr.setEncoding('utf8').on('data', (text: string) => {
  log += text;
});
haproxy.on('error', ({ message }) => {
  log += message;
});

afterAll(async () => {
  if (haproxy.pid !== undefined && haproxy.exitCode === null) {
    const ended = once(haproxy, 'exit');
    haproxy.kill('SIGKILL');
    await ended;
  }
  rmSync(folder, { recursive: true });
});

/** What HAProxy makes of a server when the last check of it ended with `check`. @throws Error when none does in time. */
function statusAfter(check: string, name: string): Promise<string | undefined> {
  return until(async () => {
    if (haproxy.pid === undefined || haproxy.exitCode !== null)
      throw new Error(`HAProxy does not run: ${log}`);
    const response = await fetch(`http://127.0.0.1:${statsPort}/;csv`).catch(() => undefined);
    const [head = '', ...lines] = (await response?.text())?.split('\n') ?? [];
    const columns = head.replace('# ', '').split(',');
    const cells = lines.find((line) => line.startsWith(`${name},service,`))?.split(',') ?? [];
    return cells[columns.indexOf('check_status')] === check ? cells[columns.indexOf('status')] : undefined;
  });
}

test.each(PASSING)('the service is up for $name: option httpchk $option', async ({ name }) => {
  expect(await statusAfter('L7OK', name)).toBe('UP');
});

test('a check of what is not there fails', async () => {
  expect(await statusAfter('L7STS', FAILING.name)).toBe('DOWN');
});
