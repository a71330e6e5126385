/**
 * `npm run count:files`: which files of `src` and `config` run for one request, how many they are, and which of their
 * functions run. Starts the service against the local tenant on free ports, sends each request once to warm it, and
 * counts the next one by the coverage that V8 records. Exits with 1 where a request passes through more files than its
 * maximum.
 */
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { loadConfig } from '../config/load.ts';
import { startTenant } from '../packages/local-tenant/src/tenant.ts';
import { createService } from '../src/composition/service.ts';

interface CountedRequest {
  readonly name: string;
  readonly maxFiles: number;
  /** @param attempt makes each request a different one, where that matters. */
  readonly send: (url: string, authorization: string, attempt: number) => Promise<Response>;
}

const REQUESTS: readonly CountedRequest[] = [
  {
    name: 'a cached GET of /me/metadata',
    maxFiles: 22,
    send: (url, authorization) => fetch(`${url}/me/metadata`, { headers: { authorization } }),
  },
  {
    name: 'a PATCH of a nested key',
    maxFiles: 38,
    send: (url, authorization, attempt) =>
      fetch(`${url}/me/metadata`, {
        method: 'PATCH',
        headers: { authorization, 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify({ notifications: { digest: { count: attempt } } }),
      }),
  },
];

/** The log and the metrics of a request follow its answer. */
const SETTLE_MS = 300;

const ROOT = new URL('../', import.meta.url).href;

/** The functions that ran while the task did, by the file that they are in. */
async function getFunctionsRun(
  session: Session,
  task: () => Promise<void>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  await task();
  await delay(SETTLE_MS);
  const { result } = await session.post('Profiler.takePreciseCoverage');
  await session.post('Profiler.stopPreciseCoverage');
  const files = result
    .map(({ url, functions }): [string, readonly string[]] => [
      url.replace(ROOT, '').replace(/\.js$/, '.ts'),
      functions
        .filter(({ ranges: [whole] }) => (whole?.count ?? 0) > 0)
        .map(({ functionName }) => functionName || '(anonymous)'),
    ])
    .filter(([path, functions]) => /^(?:src|config)\//.test(path) && functions.length > 0);
  return new Map(files.toSorted(([a], [b]) => a.localeCompare(b)));
}

const tokenAnswer = z.object({ access_token: z.string() });

async function mintToken(tenantUrl: string): Promise<string> {
  const response = await fetch(`${tenantUrl}/_local/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sub: 'auth0|jane', scope: 'read:metadata update:metadata' }),
  });
  return tokenAnswer.parse(await response.json()).access_token;
}

async function main(): Promise<void> {
  const tenant = await startTenant();
  const config = loadConfig(
    {
      HOST: '127.0.0.1',
      PORT: '0',
      OPS_HOST: '127.0.0.1',
      OPS_PORT: '0',
      AUDIENCE: tenant.apiAudience,
      ISSUER_BASE_URL: tenant.url,
      AUTH0_MANAGEMENT_URL: tenant.url,
      AUTH0_CLIENT_ID: 'local-bff',
      AUTH0_CLIENT_SECRET: 'local-secret',
    },
    (path) => readFileSync(path, 'utf8'),
  );
  const service = await createService(config, { logDestination: { write: () => undefined } });
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  try {
    const { port } = await service.start();
    const authorization = `Bearer ${await mintToken(tenant.url)}`;
    for (const { name, maxFiles, send } of REQUESTS) {
      const ask = async (attempt: number) => {
        const response = await send(`http://127.0.0.1:${port}`, authorization, attempt);
        if (response.status !== 200) throw new Error(`${name}: ${response.status} ${await response.text()}`);
        await response.text();
      };
      await ask(1);
      await delay(SETTLE_MS);
      const files = await getFunctionsRun(session, () => ask(2));
      const lines = [...files].map(([path, functions]) => `  ${path}: ${functions.join(', ')}\n`);
      process.stdout.write(`${name}: ${files.size} files (at most ${maxFiles})\n${lines.join('')}`);
      if (files.size > maxFiles) process.exitCode = 1;
    }
  } finally {
    session.disconnect();
    await service.stop();
    await tenant.stop();
  }
}

await main();
