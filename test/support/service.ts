/** The service under test: the real thing on a loopback port, with a clock to move and its log in memory. */
import { readFileSync } from 'node:fs';
import { afterAll } from '@jest/globals';
import { type Config, loadConfig } from '../../config/load.ts';
import { createService } from '../../src/composition/service.ts';
import { parseObject } from './json.ts';
import { CLIENT_SECRET } from './sentinels.ts';
import { AUDIENCE, TENANT_DOMAIN } from './tokens.ts';
import { until } from './until.ts';

export interface TestClock {
  readonly now: () => number;
  readonly advance: (seconds: number) => void;
}

export interface TestService {
  readonly port: number;
  readonly url: string;
  readonly opsUrl: string;
  readonly clock: TestClock;
  readonly config: Config;
  /** Every line written so far. */
  readonly logLines: readonly string[];
  /** The lines about one request; waits for the first. */
  readonly linesOf: (requestId: string) => Promise<Array<Record<string, unknown>>>;
  /** Every line of the audit written so far, where it goes to standard output. */
  readonly auditLines: readonly string[];
  readonly stop: () => Promise<void>;
}

export interface ServiceOptions {
  /** Environment variables on top of the usual ones; undefined removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The policy file's content; without one, every default. */
  readonly policy?: unknown;
  /** True for the clocks that it has in production, in place of one to move. */
  readonly ownClocks?: boolean;
  /** False for a tenant that is not there from the beginning. */
  readonly awaitReady?: boolean;
}

const running: Array<() => Promise<void>> = [];

afterAll(async () => {
  await Promise.all(running.map((stop) => stop()));
});

export async function startService({
  env = {},
  policy = {},
  ownClocks = false,
  awaitReady = true,
}: ServiceOptions = {}): Promise<TestService> {
  const logLines: string[] = [];
  const auditLines: string[] = [];
  const clock = createTestClock();
  const config = loadConfig({ ...usualEnvironment(), ...env }, (path) =>
    path.endsWith('policy.json') ? JSON.stringify(policy) : readFileSync(path, 'utf8'),
  );
  const service = await createService(config, {
    ...(ownClocks ? {} : { clock }),
    logDestination: { write: (line) => void logLines.push(line) },
    auditDestination: { write: (line) => void auditLines.push(line) },
  });
  running.push(() => service.stop());
  const { port, opsPort } = await service.start();
  const opsUrl = `http://127.0.0.1:${opsPort}`;
  if (awaitReady) await until(() => isReady(opsUrl));
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    opsUrl,
    clock,
    config,
    logLines,
    auditLines,
    stop: () => service.stop(),
    linesOf: (requestId) =>
      until(async () => {
        const lines = logLines.map(parseObject);
        const found = lines.filter((line) => line['request_id'] === requestId);
        return found.length > 0 ? found : undefined;
      }),
  };
}

function usualEnvironment(): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    OPS_PORT: '0',
    LOG_LEVEL: 'debug',
    // A busy machine must not turn an answer into a time-out: tests of time-outs set a short one.
    UPSTREAM_TIMEOUT_MS: '60000',
    AUDIENCE,
    AUTH0_DOMAIN: TENANT_DOMAIN,
    AUTH0_CLIENT_ID: 'the-machine-client',
    AUTH0_CLIENT_SECRET: CLIENT_SECRET,
    // On, so that every suite runs through them, and far beyond what one sends.
    USER_READS_PER_MINUTE: '100000',
    USER_WRITES_PER_MINUTE: '100000',
    AUTH_FAILURES_PER_MINUTE: '100000',
  };
}

function createTestClock(): TestClock {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    advance(seconds) {
      ahead += seconds * 1000;
    },
  };
}

async function isReady(opsUrl: string): Promise<true | undefined> {
  const response = await fetch(`${opsUrl}/readyz`);
  const { status } = parseObject(await response.text());
  return status === 'ready' ? true : undefined;
}
