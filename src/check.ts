/**
 * `check`: would this configuration work? Reaches everything the service depends on, once, and says of
 * each whether it answers. Prints names and states, never a secret.
 */
import type { Config } from '../config/load.ts';
import { comparePrivileges } from './auth0/privileges.ts';
import { composeSharing } from './compose-sharing.ts';
import { composeUpstream, privilegeNeeds } from './compose-upstream.ts';
import { systemClock } from './lib/clock.ts';
import { AppError } from './lib/app-error.ts';
import { createSchemaRules } from './metadata/schema-rules.ts';
import type { RedisConnection } from './lib/redis-connection.ts';
import { describeError, SafeError } from './lib/safe-error.ts';

type State = 'ok' | 'warning' | 'failed';

interface Finding {
  readonly name: string;
  readonly state: State;
  readonly detail: string;
}

/** No user has this id; the answer 404 proves that the token may read users. */
const PROBE_USER = 'auth0|metadata-bff-check';
const REDIS_WAIT_MS = 2_000;

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
  const sharing = await composeSharing(config);
  const { keys, tenant, http } = composeUpstream(config, sharing, systemClock);
  const warnings: string[] = [];
  const findings = [
    await attempt('configuration', async () => {
      // The one part of a configuration that only its user can judge.
      warnings.push(...createSchemaRules(config.policy.userMetadata.schema).warnings);
      return 'complete';
    }),
    ...warnings.map((detail): Finding => ({ name: 'schema', state: 'warning', detail })),
  ];
  findings.push(
    await attempt('issuer and signing keys', async () => {
      const { issuer, jwks } = await keys.forKeyId(undefined);
      return `${issuer} publishes ${jwks.keys.length} key(s)`;
    }),
    await attempt('token endpoint', async () => {
      await tenant.tokens.token();
      return `issues tokens to ${config.clientId}`;
    }),
  );
  if (tenant.tokens.healthy()) {
    findings.push(
      await attempt('management api', async () => {
        await tenant.users.read(PROBE_USER, { urgency: 'read' }).catch((error: unknown) => {
          if (!(error instanceof AppError) || error.code !== 'user_not_found') throw error;
        });
        return 'answers';
      }),
      ...privileges(config, (await tenant.tokens.token()).scopes),
    );
  }
  if (sharing.redis) findings.push(await redisFinding(sharing.redis));
  http.close();
  await sharing.redis?.stop();
  return findings;
}

async function redisFinding(redis: RedisConnection): Promise<Finding> {
  return attempt('redis', async () => {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new SafeError('not reachable')), REDIS_WAIT_MS);
      redis.onUp(async () => {
        clearTimeout(timer);
        resolve();
      });
      redis.start();
    });
    return 'answers';
  });
}

async function attempt(name: string, task: () => Promise<string>): Promise<Finding> {
  try {
    return { name, state: 'ok', detail: await task() };
  } catch (error) {
    const cause = error instanceof Error ? describeError(error.cause ?? error) : {};
    const reason = typeof cause['message'] === 'string' ? ` (${cause['message']})` : '';
    return { name, state: 'failed', detail: `${error instanceof AppError ? error.code : 'error'}${reason}` };
  }
}

function privileges(config: Config, held: readonly string[] | undefined): Finding[] {
  if (held === undefined) {
    return [
      { name: 'management scopes', state: 'warning', detail: 'the tenant does not say what is granted' },
    ];
  }
  const { missing, unneeded } = comparePrivileges(held, privilegeNeeds(config));
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
