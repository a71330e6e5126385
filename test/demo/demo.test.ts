/** The demo does what it prints when its lines are pasted into a shell, and leaves nothing behind. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readSettings } from '../../demo/settings.ts';
import { type RunningDemo, runDemo } from './run-demo.ts';

async function listen(port: number): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : port };
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

function portsIn(output: string): number[] {
  const ports = [...output.matchAll(/http:\/\/localhost:(\d+)/g)].map(([, port]) => Number(port));
  return [...new Set(ports)];
}

describe('a running demo', () => {
  let demo: RunningDemo;
  let output: string;

  beforeAll(async () => {
    demo = runDemo({ CORS_ORIGINS: 'http://localhost:7000, https://app.example.com' });
    output = await demo.ready;
  });
  afterAll(async () => {
    demo.kill('SIGKILL');
    await demo.ended;
  });

  test('prints commands that work exactly as pasted', () => {
    const commands = output.split('\n').filter((line) => /^ +(?:TOKEN=|curl )/.test(line));
    const script = commands.join('\n');
    const { stdout, stderr } = spawnSync('bash', { input: script, encoding: 'utf8' });
    const answers: unknown[] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

    const digest = { frequency: 'weekly', day: 'monday' };
    const stored = { theme: 'dark', language: 'en', notifications: { email: true, push: false, digest } };
    const changed = {
      ...stored,
      notifications: { ...stored.notifications, digest: { ...digest, day: 'friday' } },
    };
    expect(stderr).toBe('');
    expect(answers).toEqual([
      stored,
      changed,
      changed,
      expect.objectContaining({
        status: 422,
        code: 'metadata_invalid',
        errors: [expect.objectContaining({ pointer: '/$where' })],
      }),
    ]);
  });

  test('says on the page of the API how to get a token, with a command that works', async () => {
    const [, apiUrl = ''] = /Its API +(\S+)\/docs/.exec(output) ?? [];
    const { info } = Object(await (await fetch(`${apiUrl}/openapi.json`)).json());
    const [, command = ''] = /^\*\*Demo token\.\*\* Run `([^`]+)`/.exec(info.description) ?? [];
    const { stdout, stderr } = spawnSync('sh', { input: command, encoding: 'utf8' });
    const headers = { authorization: `Bearer ${stdout.trim()}` };
    const answer = await fetch(`${apiUrl}/me/metadata`, { headers });
    expect([stderr, answer.status]).toEqual(['', 200]);
  });

  test('prints the page’s address and a log-in, and no log lines', () => {
    expect(output).toMatch(/http:\/\/localhost:\d+ .*jane@example\.com .*local\n/);
    expect(output).not.toContain('{"level"');
  });

  test('serves the page with the SDK, under a policy without inline code but its import map', async () => {
    const [, origin = ''] = /Open {2}(\S+)/.exec(output) ?? [];
    const page = await fetch(origin);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<script type="module"')]);
    expect(policy).toMatch(/script-src 'self' 'sha256-[\w+/]{43}=';style-src 'self';/);
    expect(policy).not.toContain('unsafe');

    const config = await (await fetch(`${origin}/config.json`)).json();
    expect(config).toEqual({
      domain: expect.stringMatching(/^http:\/\/localhost:\d+$/),
      clientId: 'local-spa',
      audience: 'https://metadata-bff.local',
      apiBaseUrl: expect.stringMatching(/^http:\/\/localhost:\d+$/),
      scope: 'openid profile email read:metadata update:metadata read:app_metadata',
      useDpop: false,
    });
    const sdk = await fetch(`${origin}/vendor/auth0-spa-js/auth0-spa-js.production.esm.js`);
    expect([sdk.status, await sdk.text()]).toEqual([200, expect.stringContaining('Auth0Client')]);
    const form = await fetch(`${origin}/vendor/metadata-bff-form/settings.js`);
    expect([form.status, await form.text()]).toEqual([200, expect.stringContaining('customElements')]);
  });

  test('says at once what it is doing, and warns of nothing', () => {
    expect(output).toMatch(/^Preparing the demo: .*\n\n {2}Open /);
    expect(output).not.toMatch(/warning/i);
  });

  test('prints the address of a page that shows the API', async () => {
    const [, docs = ''] = /Its API +(\S+)/.exec(output) ?? [];
    const page = await fetch(docs);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('swagger-ui')]);
  });

  test('lets the page, the origins of CORS_ORIGINS and no other call the proxy', async () => {
    const [, origin = ''] = /Open {2}(\S+)/.exec(output) ?? [];
    const [, api = ''] = /The proxy +(\S+)/.exec(output) ?? [];
    const allowed = async (from: string) => {
      const response = await fetch(`${api}/me/metadata`, { headers: { Origin: from } });
      return response.headers.get('access-control-allow-origin');
    };
    for (const own of [origin, 'http://localhost:7000', 'https://app.example.com']) {
      expect(await allowed(own)).toBe(own);
    }
    expect(await allowed('http://localhost:1')).toBeNull();
  });

  // Last, since it ends the demo. npm passes a terminal's Ctrl-C on to a process that has already had it.
  test('ends with all its parts at the second of two Ctrl-C, with exit code 0 and all ports free', async () => {
    const ports = portsIn(output);
    // A connection kept alive, as a browser keeps it, must not hold anything up.
    await Promise.all(ports.map((port) => fetch(`http://localhost:${port}/`)));

    for (const signal of ['SIGINT', 'SIGINT'] as const) demo.kill(signal);
    const { code } = await demo.ended;
    expect(code).toBe(0);

    expect(ports).toHaveLength(4);
    const again = await Promise.all(ports.map(listen));
    await Promise.all(again.map(({ server }) => close(server)));
  });
});

describe('the page alone', () => {
  const ELSEWHERE = {
    WEB_AUTH0_DOMAIN: 'tenant.eu.auth0.com',
    WEB_AUTH0_CLIENT_ID: 'aB3dE5fG7hI9',
    WEB_AUDIENCE: 'https://metadata.example.com',
    WEB_API_URL: 'https://metadata.example.com/',
  };

  test('is served for a tenant and a service elsewhere, which its policy lets it reach', async () => {
    const demo = runDemo({ ...ELSEWHERE, WEB_DPOP: 'true' });
    const [, origin = ''] = /Open {2}(\S+)/.exec(await demo.ready) ?? [];
    const answer = await fetch(`${origin}/config.json`);
    expect(await answer.json()).toMatchObject({
      domain: 'https://tenant.eu.auth0.com',
      clientId: 'aB3dE5fG7hI9',
      apiBaseUrl: 'https://metadata.example.com',
      useDpop: true,
    });
    expect(answer.headers.get('content-security-policy')).toContain(
      "connect-src 'self' https://tenant.eu.auth0.com https://metadata.example.com;",
    );
    demo.kill('SIGTERM');
    expect((await demo.ended).code).toBe(0);
  });

  test('is not served with half of what it needs', () => {
    expect(() => readSettings({ WEB_API_URL: 'https://metadata.example.com' })).toThrow('give all or none');
  });
});

describe('a port that is taken', () => {
  test.each(['TENANT_PORT', 'PORT', 'OPS_PORT', 'WEB_PORT'])(
    'is named together with %s, and nothing is left running',
    async (variable) => {
      const { server, port } = await listen(0);
      const { code, output } = await runDemo({ [variable]: String(port) }).ended;
      await close(server);
      expect(code).toBe(1);
      expect(output).toContain(`Port ${port} is taken: set ${variable} to use another one.`);
      expect(output).not.toContain('curl');
    },
  );

  test('is told from one that is no port at all', () => {
    expect(() => readSettings({ WEB_PORT: 'eighty' })).toThrow('WEB_PORT: must be a whole number');
  });
});
