/** The policy's rules about the metadata, and whether its parts can hold together. */
import type { Config } from '../../config/load.ts';
import { SafeError } from '../lib/app-error.ts';
import type { JsonObject } from '../lib/json.ts';
import { parsePointer, toPointer } from '../metadata/json-pointer.ts';
import { type Access, createAccess } from '../metadata/policy.ts';
import type { Subject } from '../metadata/ports.ts';
import { localizeSchemas } from '../metadata/schema/locales.ts';
import { createSchemaRules, type SchemaRules } from '../metadata/schema-rules.ts';

interface PolicyRules {
  readonly schema: SchemaRules;
  /** What each caller may do. */
  readonly getAccess: (subject: Subject) => Access;
  /** The schema by language. */
  readonly localizedSchemas: Readonly<Record<string, JsonObject>>;
}

/**
 * @throws SafeError for a schema that cannot be enforced, for a language that changes more than annotations, and for
 * parts of the policy that contradict each other, all of which it names.
 */
export function composePolicyRules({
  policy,
  allowedClients,
}: Pick<Config, 'policy' | 'allowedClients'>): PolicyRules {
  const schema = createSchemaRules(policy.userMetadata.schema);
  const rules = {
    schema,
    getAccess: createAccess(policy),
    localizedSchemas: localizeSchemas(policy.userMetadata),
  };
  const contradictions = [
    ...findUnwritableSources(rules, policy.scopes, allowedClients),
    ...findImpossibleKeys(policy, schema),
  ];
  if (contradictions.length > 0) throw new SafeError(contradictions.join('; '));
  return rules;
}

/**
 * Stamps whose source no application may change. Without a list of applications there is always one that may: any that
 * `clients` does not name. The scopes exclude no key, because the general one opens all of them.
 */
function findUnwritableSources(
  { schema, getAccess }: Pick<PolicyRules, 'schema' | 'getAccess'>,
  scopes: Config['policy']['scopes'],
  allowedClients: readonly string[],
): string[] {
  if (allowedClients.length === 0) return [];
  const accesses = allowedClients.map((clientId) =>
    getAccess({
      userId: '',
      clientId,
      scopes: new Set([scopes.readMetadata, scopes.updateMetadata]),
      actor: undefined,
      mappedClaims: {},
    }),
  );
  return schema.stamps.flatMap(({ pointer, source }) => {
    const [key = ''] = parsePointer(source);
    if (accesses.some((access) => access.isWritable(key))) return [];
    const reason = `no application of ALLOWED_CLIENTS may change the source ${source}, because of clients`;
    return [`userMetadata.schema${pointer}: ${reason}`];
  });
}

/** Keys that the policy names and the schema excludes: misspelt, or forgotten in the schema. */
function findImpossibleKeys(
  { clients, scopedKeys, claims }: Config['policy'],
  { canHave }: SchemaRules,
): string[] {
  const ofKeys = Object.entries({ clients, scopedKeys }).flatMap(([member, byName]) =>
    Object.entries(byName).flatMap(([name, { readable = [], writable = [] }]) =>
      [...new Set([...readable, ...writable])].map((key) => ({ place: `${member}.${name}`, path: [key] })),
    ),
  );
  const ofClaims = Object.entries(claims).flatMap(([name, pointer]) => {
    const [part, ...path] = parsePointer(pointer);
    return part === 'user_metadata' ? [{ place: `claims.${name}`, path }] : [];
  });
  return [...ofKeys, ...ofClaims]
    .filter(({ path }) => !canHave(path))
    .map(({ place, path }) => `${place}: userMetadata.schema allows no value at ${toPointer(path)}`);
}
