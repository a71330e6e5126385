/** The configuration of a deployment that sets nothing but what has no default, and rate limits out of reach. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../config/environment.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { packageRoot } from '../demo/package-root.ts';

const REQUIRED = {
  AUDIENCE: 'https://metadata-bff.local',
  AUTH0_DOMAIN: 'tenant.example',
  AUTH0_CLIENT_ID: 'benchmark',
  AUTH0_CLIENT_SECRET: 'benchmark-secret',
  // On, because they are part of what a request costs, and out of reach.
  USER_READS_PER_MINUTE: '1000000',
  USER_WRITES_PER_MINUTE: '1000000',
  AUTH_FAILURES_PER_MINUTE: '1000000',
};

/** @param changes what else is set. */
export function defaultConfig(changes: Environment = {}): Config {
  const POLICY_FILE = join(packageRoot(import.meta.dirname), 'config', 'policy.json');
  return loadConfig({ ...REQUIRED, POLICY_FILE, ...changes }, (path) => readFileSync(path, 'utf8'));
}

/** The rules for documents that follow from a configuration, as the composition derives them. */
export function documentLimits({ maxMetadataBytes, policy: { limits } }: Config) {
  return { bytesMax: maxMetadataBytes, keysMax: limits.keys, depthMax: limits.depth };
}
