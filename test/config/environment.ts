/** A configuration that is complete, and a file system that holds what a test puts there. */
import type { Environment } from '../../config/environment.ts';
import { type Config, ConfigError, loadConfig } from '../../config/load.ts';

export const COMPLETE: Environment = {
  AUDIENCE: 'https://api.test',
  AUTH0_DOMAIN: 'tenant.eu.auth0.com',
  AUTH0_CLIENT_ID: 'client',
  AUTH0_CLIENT_SECRET: 'the-secret',
};

/** Loads COMPLETE with these changes; a variable that is undefined is unset. */
export function load(changes: Environment = {}, files: Readonly<Record<string, string>> = {}): Config {
  const known: Readonly<Record<string, string>> = { 'config/policy.json': '{}', ...files };
  return loadConfig({ ...COMPLETE, ...changes }, (path) => {
    const text = known[path];
    if (text === undefined) throw new Error(`ENOENT: no such file: ${path}`);
    return text;
  });
}

/** The error of such a configuration. A valid configuration fails the test. */
export function getConfigError(
  changes: Environment,
  files: Readonly<Record<string, string>> = {},
): ConfigError {
  try {
    load(changes, files);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('expected a ConfigError');
}

export function getErrors(
  changes: Environment,
  files: Readonly<Record<string, string>> = {},
): readonly string[] {
  return getConfigError(changes, files).errors;
}
