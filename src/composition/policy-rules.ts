/** The policy's rules about the metadata, and whether its parts can hold together. */
import type { Config } from '../../config/load.ts';
import { collectErrors, PolicyError } from '../lib/app-error.ts';
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
  /** What can work and looks like a mistake. For the operator. */
  readonly warnings: readonly string[];
}

/**
 * @throws PolicyError with everything that cannot work: a schema that cannot be enforced, a language that changes more than
 * annotations, parts of the policy that contradict each other.
 */
export function composePolicyRules({
  policy,
  allowedClients,
}: Pick<Config, 'policy' | 'allowedClients'>): PolicyRules {
  const { userMetadata, scopes } = policy;
  const errors: string[] = [];
  const { schema, localizedSchemas } = composeSchemas(userMetadata, errors);
  const getAccess = createAccess(policy);
  if (schema) errors.push(...findUnwritableSources({ schema, getAccess }, scopes, allowedClients));
  if (!schema || !localizedSchemas || errors.length > 0) throw new PolicyError(errors);
  const warnings = [
    ...schema.warnings,
    ...findIdleStamps(schema, policy.delegation.access),
    ...findImpossibleKeys(policy, schema),
  ];
  return { schema, getAccess, localizedSchemas, warnings };
}

/**
 * What is wrong with the schema and its languages, after the variable of the file that holds them. With the rest of the
 * policy: also how they contradict it.
 */
export function findPolicyErrors(
  userMetadata: Config['policy']['userMetadata'],
  rest?: Pick<Config, 'policy' | 'allowedClients'>,
): readonly string[] {
  const errors: string[] = [];
  const { schema } = composeSchemas(userMetadata, errors);
  if (schema && rest) {
    const getAccess = createAccess(rest.policy);
    errors.push(...findUnwritableSources({ schema, getAccess }, rest.policy.scopes, rest.allowedClients));
  }
  return errors.map((error) => `POLICY_FILE: ${error}`);
}

function composeSchemas(userMetadata: Config['policy']['userMetadata'], errors: string[]) {
  const schema = collectErrors(errors, () => createSchemaRules(userMetadata.schema));
  if (schema?.canBeObject === false)
    errors.push('userMetadata.schema: allows no object, which user_metadata always is');
  const localizedSchemas = collectErrors(errors, () =>
    // Of a schema that is wrong, each language has the same errors.
    localizeSchemas(userMetadata, { isSchemaValid: schema !== undefined }),
  );
  return { schema, localizedSchemas };
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

/** Stamps of actors, where no actor may write. */
function findIdleStamps({ stamps }: SchemaRules, access: Config['policy']['delegation']['access']): string[] {
  if (access === 'write') return [];
  return stamps
    .filter(({ value }) => value === 'actor')
    .map(
      ({ pointer }) => `userMetadata.schema${pointer}: sets no actor, because delegation lets no actor write`,
    );
}

/**
 * Keys that the policy names and the schema excludes: misspelt, forgotten in the schema, or older than the schema. The last
 * can work, so that these are no errors.
 */
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
