/**
 * Fills `dist/compile-cache` with what V8 compiles when the built service starts and answers, so that later starts are
 * faster. For the Node, the processor, the folder and the user that it runs with: the image runs it when it is built.
 * Does nothing on a Node that has no such cache (before 22.1).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import module from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

if (module.enableCompileCache) await fillCompileCache();
else process.stdout.write(`Node ${process.version} has no compile cache.\n`);

async function fillCompileCache() {
  mkdirSync(new URL('../dist/compile-cache', import.meta.url), { recursive: true });

  /** In place of Auth0. The answers are no use, and the service starts in spite of that. */
  const issuer = createServer((_req, res) => res.writeHead(404).end()).listen(0, '127.0.0.1');
  await once(issuer, 'listening');
  const issuerUrl = `http://127.0.0.1:${issuer.address().port}`;

  const service = spawn(process.execPath, [fileURLToPath(new URL('../dist/src/main.js', import.meta.url))], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: {
      HOST: '127.0.0.1',
      PORT: '0',
      OPS_PORT: '0',
      AUDIENCE: 'https://compile-cache.invalid',
      ISSUER_BASE_URL: issuerUrl,
      AUTH0_MANAGEMENT_URL: issuerUrl,
      AUTH0_CLIENT_ID: 'none',
      AUTH0_CLIENT_SECRET: 'none',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: service.stdout })) {
    const { event, port, ops_port: opsPort } = JSON.parse(line);
    if (event !== 'started') continue;
    const headers = { authorization: 'Bearer e30.e30.e30' };
    await fetch(`http://127.0.0.1:${port}/me/metadata`, { headers });
    await fetch(`http://127.0.0.1:${opsPort}/readyz`);
    // V8 writes the cache when the process ends.
    service.kill('SIGTERM');
  }
  issuer.close();
  const code = service.exitCode ?? (await once(service, 'exit'))[0];
  if (code !== 0) throw new Error(`the service ended with ${code}`);
}
