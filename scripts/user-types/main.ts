/**
 * `npm run types`: prints the TypeScript declaration of `user_metadata`, from the policy file (the one that
 * `POLICY_FILE` names, or the one given) or from a running service, whose address is given.
 */
import { readFileSync } from 'node:fs';
import { loadPolicy } from '../../config/policy.ts';
import { isJsonObject, type JsonObject } from '../../src/lib/json.ts';
import { userMetadataTypes } from './declaration.ts';

async function schemaAt(source: string): Promise<JsonObject> {
  if (/^https?:/.test(source)) {
    const response = await fetch(`${source.replace(/\/+$/, '')}/schemas/user-metadata`);
    const schema: unknown = response.ok ? await response.json() : undefined;
    if (!isJsonObject(schema)) throw new Error(`${source} has no schema: status ${response.status}`);
    return schema;
  }
  const errors: string[] = [];
  const policy = loadPolicy(source, (path) => readFileSync(path, 'utf8'), errors);
  if (!policy) throw new Error(errors.join('\n'));
  return policy.userMetadata.schema ?? {};
}

try {
  const schema = await schemaAt(process.argv[3] ?? process.env['POLICY_FILE'] ?? 'config/policy.json');
  process.stdout.write(await userMetadataTypes(schema));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
