/**
 * `check`: would this configuration work? Reaches everything the service depends on, once, and says of
 * each whether it answers. Prints names and states, never a secret.
 */
import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../config/load.ts';
import { comparePrivileges } from '../auth0/tenant.ts';
import { composePolicyRules } from './policy-rules.ts';
import { composeSharedStores } from './shared-stores.ts';
import { composeUpstream, privilegeNeeds } from './upstream.ts';
import { monotonicClock, systemClock } from '../lib/clock.ts';
import { AppError, SafeError } from '../lib/app-error.ts';
import { loadTracingSdk } from '../observability/tracing.ts';
import type { TracingSettings } from '../observability/tracing-sdk.ts';
import type { RedisConnection } from '../redis/connection.ts';
import { readEvictionPolicy } from '../redis/eviction-policy.ts';
import { KEY_GROUPS } from '../redis/script.ts';

type State = 'ok' | 'warning' | 'failed';

interface Finding {
  readonly name: string;
  readonly state: State;
  readonly detail: string;
}

/** No user has this id; the answer 404 proves that the token may read users. */
const PROBE_USER = 'auth0|metadata-bff-check';
const REDIS_WAIT_MS = 2_000;
const REDIS_LOOK_MS = 20;
const [ANY_GROUP = ''] = KEY_GROUPS;

/** Prints the findings as a table. @returns whether the service would work. */
export async function check(config: Config): Promise<boolean> {
  const findings = await examine(config);
  const width = Math.max(...findings.map(({ name }) => name.length));
  for (const { name, state, detail } of findings) {
    console.log(`${state.padEnd(8)} ${name.padEnd(width)}  ${detail}`);
  }
  return findings.every(({ state }) => state !== 'failed');
}

async function examine(config: Config): Promise<Finding[]> {
  const stores = await composeSharedStores(config);
  const { issuers, tenant, http } = composeUpstream(config, stores, {
    clock: systemClock,
    ages: monotonicClock,
  });
  const schemaWarnings: string[] = [];
  const findings = [
    await attempt('configuration', async () => {
      // The one part of a configuration that only its user can judge.
      schemaWarnings.push(...composePolicyRules(config).warnings);
      return 'complete';
    }),
    ...config.warnings.map((detail): Finding => ({ name: 'configuration', state: 'warning', detail })),
    ...schemaWarnings.map((detail): Finding => ({ name: 'schema', state: 'warning', detail })),
  ];
  const [, ...others] = issuers.all;
  for (const keys of issuers.all) {
    const name = others.length === 0 ? 'issuer and signing keys' : `issuer ${keys.issuer}`;
    findings.push(
      await attempt(name, async () => {
        const { issuer, lists } = await keys.getKeys(undefined);
        return `${issuer} publishes ${lists.flatMap((list) => list.keys).length} usable key(s)`;
      }),
    );
  }
  findings.push(
    ...addressFindings(config),
    await attempt('token endpoint', async () => {
      await tenant.tokens.getToken();
      return `issues tokens to ${config.clientId}`;
    }),
  );
  if (tenant.tokens.isHealthy()) {
    findings.push(
      await attempt('management api', async () => {
        await tenant.users.read(PROBE_USER, { priority: 'read' }).catch((error: unknown) => {
          if (!(error instanceof AppError) || error.code !== 'user_not_found') throw error;
        });
        return 'answers';
      }),
      ...privileges(config, (await tenant.tokens.getToken()).scopes),
    );
  }
  if (stores.redis) {
    findings.push(await redisFinding(stores.redis));
    if (stores.redis.isHealthy()) findings.push(await evictionFinding(stores.redis));
  }
  if (config.tracing) findings.push(await tracingFinding(config.tracing));
  const { auditLog } = config;
  if (typeof auditLog === 'object') findings.push(await auditFinding(auditLog.path));
  http.close();
  await stores.redis?.stop();
  return findings;
}

function addressFindings({ publicUrls }: Config): Finding[] {
  if (publicUrls.length > 0) return [{ name: 'public url', state: 'ok', detail: publicUrls.join(' ') }];
  const detail = 'DPoP proofs and links follow the Host header that a client sends: set PUBLIC_URL';
  return [{ name: 'public url', state: 'warning', detail }];
}

async function redisFinding(redis: RedisConnection): Promise<Finding> {
  return attempt('redis', async () => {
    let trouble: Error = new SafeError('no answer in time');
    redis.onDown((reason) => {
      trouble = reason;
    });
    redis.start();
    for (let waitedMs = 0; waitedMs < REDIS_WAIT_MS; waitedMs += REDIS_LOOK_MS) {
      if (redis.isHealthy()) return 'runs the scripts that are used, and announces';
      await delay(REDIS_LOOK_MS);
    }
    throw trouble;
  });
}

/** A collector need not be there when the service starts, so it is not asked. */
async function tracingFinding({ url }: TracingSettings): Promise<Finding> {
  return attempt('traces', async () => {
    await loadTracingSdk();
    return `go to ${new URL(url).origin}`;
  });
}

/** Of one node: those of a cluster are mostly set up alike. */
async function evictionFinding(redis: RedisConnection): Promise<Finding> {
  const name = 'redis eviction';
  const policy = await readEvictionPolicy(redis.run, ANY_GROUP).catch(() => undefined);
  if (!policy) return { name, state: 'warning', detail: 'not known: the user may not run INFO' };
  const { name: setting, risk } = policy;
  if (risk === 'none') return { name, state: 'ok', detail: `no lock is evicted (${setting})` };
  const when = risk === 'unsafe' ? 'locks are evicted' : 'a full Redis evicts locks';
  const detail = `${when}, and accepted writes can be lost (${setting}): set maxmemory-policy noeviction`;
  return { name, state: 'warning', detail };
}

async function attempt(name: string, task: () => Promise<string>): Promise<Finding> {
  try {
    return { name, state: 'ok', detail: await task() };
  } catch (error) {
    return { name, state: 'failed', detail: describeFailure(error) };
  }
}

const MAX_CAUSES = 5;

/**
 * The code of the failure and, in brackets, what led to it: words of ours, a status of Auth0, a code of the system such
 * as ENOTFOUND or CERT_HAS_EXPIRED. Messages of others may quote a secret and are left out.
 */
function describeFailure(error: unknown): string {
  const [first = 'error', ...causes] = describeCauses(error, MAX_CAUSES);
  return causes.length > 0 ? `${first} (${causes.join(': ')})` : first;
}

function describeCauses(error: unknown, left: number): string[] {
  if (!(error instanceof Error) || left === 0) return [];
  return [describeOne(error), ...describeCauses(error.cause, left - 1)];
}

function describeOne(error: Error): string {
  if (error instanceof AppError) return error.code;
  if (error instanceof SafeError) return error.message;
  const code: unknown = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,50}$/.test(code) ? code : error.name;
}

/**
 * Whether the audit can be written where it is to go. Makes no file: it might belong to another user than the service.
 */
async function auditFinding(path: string): Promise<Finding> {
  return attempt('audit log', async () => {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) throw new SafeError('AUDIT_LOG names a folder');
    await access(found ? path : dirname(path), constants.W_OK);
    return 'can be written';
  });
}

function privileges(config: Config, held: readonly string[] | undefined): Finding[] {
  if (held === undefined) {
    return [
      { name: 'management scopes', state: 'warning', detail: 'the tenant does not say what is granted' },
    ];
  }
  const { missing, excess: unneeded } = comparePrivileges(held, privilegeNeeds(config));
  const excess: State = config.leastPrivilege === 'enforce' ? 'failed' : 'warning';
  return [
    { name: 'management scopes', state: 'ok', detail: held.join(' ') },
    ...missing.map(
      ({ scope, feature }): Finding => ({
        name: 'scope missing',
        state: 'failed',
        detail: `${scope}, needed for ${feature}`,
      }),
    ),
    ...unneeded.map(
      (scope): Finding => ({
        name: 'scope not needed',
        state: excess,
        detail: `${scope}: remove it from the client grant`,
      }),
    ),
  ];
}
