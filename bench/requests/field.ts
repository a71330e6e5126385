/**
 * The field of a contest: a tenant, its issuer, one Redis where there is one, and the programs that compete
 * before them. Each program is started as its users start it.
 */
import { join } from 'node:path';
import { packageRoot } from '../../demo/package-root.ts';
import type { JsonObject } from '../../src/lib/json.ts';
import { type RedisServer, startRedisServer } from '../redis-server.ts';
import { GENERATOR_CORE, pin, type Program, startProcess } from './process.ts';
import { getRequest, ORIGIN } from './requests.ts';
import { AUDIENCE, ISSUER, type Issuer } from './tokens.ts';

export interface Field {
  readonly bare: Program;
  readonly expressStatic: Program;
  readonly handWritten: Program;
  readonly naiveProxy: Program;
  readonly fastify: Program;
  readonly ours: Program;
  /** Undefined where there is no `redis-server`. */
  readonly oursWithRedis: Program | undefined;
  /** Where the tenant itself answers. */
  readonly tenantPort: number;
  stop(): Promise<void>;
}

const ROOT = packageRoot(import.meta.dirname);

function serverFile(name: string): string {
  return join(import.meta.dirname, 'servers', `${name}.js`);
}

/** @param document what every user holds. */
export async function openField(issuer: Issuer, document: JsonObject): Promise<Field> {
  const texts = { DOCUMENT: JSON.stringify(document), JWKS: issuer.jwks };
  const tenant = await startProcess(
    { file: serverFile('tenant'), env: texts, core: GENERATOR_CORE },
    getRequest('-', '/.well-known/jwks.json'),
  );
  const tenantUrl = `http://127.0.0.1:${tenant.port}`;
  const redis: RedisServer | undefined = await startRedisServer();
  if (redis) pin(redis.pid, GENERATOR_CORE);
  const env = { ...texts, TENANT_URL: tenantUrl, ISSUER, AUDIENCE };
  const server = (name: string, changes: Readonly<Record<string, string>> = {}): Program => ({
    file: serverFile(name),
    env: { ...env, ...changes },
  });
  const ours: Program = {
    file: join(ROOT, '.build', 'src', 'main.js'),
    env: {
      AUDIENCE,
      AUTH0_DOMAIN: 'tenant.example',
      AUTH0_MANAGEMENT_URL: tenantUrl,
      AUTH0_CLIENT_ID: 'benchmark',
      AUTH0_CLIENT_SECRET: 'benchmark-secret',
      ISSUER_BASE_URL: ISSUER,
      JWKS_URI: `${tenantUrl}/.well-known/jwks.json`,
      CORS_ORIGINS: ORIGIN,
      POLICY_FILE: join(ROOT, 'config', 'policy.json'),
      // What a person may do in a minute is not what is measured.
      USER_READS_PER_MINUTE: '1000000',
      USER_WRITES_PER_MINUTE: '1000000',
      // Nor is how soon an address with refused tokens is no longer answered: what one of them costs is.
      AUTH_FAILURES_PER_MINUTE: '0',
    },
  };
  return {
    bare: server('bare'),
    expressStatic: server('express-static'),
    handWritten: server('hand-written'),
    naiveProxy: server('hand-written', { CACHE_TTL_MS: '0' }),
    fastify: server('fastify'),
    ours,
    oursWithRedis: redis && {
      ...ours,
      env: { ...ours.env, REDIS_URL: redis.url },
      prepare: () => redis.empty(),
    },
    tenantPort: tenant.port,
    async stop() {
      await tenant.stop();
      await redis?.stop();
    },
  };
}
