/**
 * The policy file: the operator's rules for metadata, as opposed to the deployment. One zod schema validates it, gives
 * it its type and, as JSON Schema, gives editors completion.
 */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { type ReadFile, readText } from './environment.ts';
import { clientId } from './parsers.ts';

/** The characters of a scope name (RFC 6749 section 3.3). */
const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope name');
const keys = z.array(z.string().min(1));

const jsonObject = z.record(z.string(), z.json());

/** BCP 47, as Accept-Language and Content-Language write it. */
const languageTag = z
  .string()
  .regex(/^[A-Za-z]{2,8}(?:-[A-Za-z\d]{1,8})*$/, 'must be a language tag such as de or pt-BR');

/** An https address in the characters of a string in a structured field (RFC 9651). */
const NAMESPACED = /^https:\/\/[A-Za-z\d][A-Za-z\d.-]*(?::\d+)?(?:\/[\x21\x23-\x5b\x5d-\x7e]*)?$/;
/** Auth0 drops claims below its own domains, as it drops reserved ones, without an error ("Create Custom Claims"). */
const OF_AUTH0 = /^https:\/\/(?:[^/:]*\.)?(?:auth0\.com|webtask\.io|webtask\.run)(?:[:/]|$)/i;
const claimName = z
  .string()
  .max(200)
  .regex(NAMESPACED)
  .refine((name) => !OF_AUTH0.test(name));
const CLAIM_NAME_ERROR =
  'must be an https address of your own with at most 200 characters, such as https://app.example.com/language, ' +
  'because Auth0 drops reserved claims without an error';

const claimPointer = z
  .string()
  .regex(
    /^\/(?:user|app)_metadata(?:\/(?:[^/~]|~[01])+)+$/,
    'must be a JSON Pointer to a key in /user_metadata or /app_metadata, such as /user_metadata/language',
  );
const MAX_CLAIMS = 20;

const claims = z
  .record(claimName, claimPointer, {
    error: ({ code }) => (code === 'invalid_key' ? CLAIM_NAME_ERROR : undefined),
  })
  .refine((entries) => Object.keys(entries).length <= MAX_CLAIMS, `at most ${MAX_CLAIMS} claims`)
  .default({})
  .describe(
    'By name: claims of the access token that mirror what is stored, as JSON Pointers into /me. A post-login Action sets them.',
  );

const scopedKeys = z
  .record(
    scope,
    z
      .strictObject({
        readable: keys
          .optional()
          .describe('Keys of user_metadata that it lets a caller read; by default the writable.'),
        writable: keys.default([]).describe('Those that it lets a caller change, within readable.'),
      })
      .refine(
        ({ readable, writable }) => writable.every((key) => (readable ?? writable).includes(key)),
        'writable must lie within readable, because a key that cannot be read does not exist',
      )
      .refine(({ readable, writable }) => [...(readable ?? []), ...writable].length > 0, 'opens no key')
      .transform(({ readable, writable }) => ({ readable: readable ?? writable, writable })),
  )
  .default({})
  .describe('By scope: the keys of user_metadata that it opens, beside those of other scopes.');

const members = z.strictObject({
  $schema: z.string().optional().describe('For editors: the schema of this file.'),
  scopes: z
    .strictObject({
      readMetadata: scope.default('read:metadata').describe('Reads the caller’s own user_metadata.'),
      updateMetadata: scope.default('update:metadata').describe('Changes the caller’s own user_metadata.'),
      readAppMetadata: scope
        .default('read:app_metadata')
        .describe('Reads the allow-listed part of the caller’s own app_metadata.'),
      readClientMetadata: scope
        .default('read:client_metadata')
        .describe('Reads the allow-listed client_metadata of the application the caller uses.'),
    })
    .prefault({})
    .describe('Names of the scopes, as they stand in the API’s permissions in Auth0.'),
  limits: z
    .strictObject({
      keys: z.int().min(1).max(1000).default(100).describe('Keys of any one object.'),
      depth: z.int().min(1).max(50).default(10).describe('Nested objects and lists, the document included.'),
    })
    .prefault({})
    .describe('Limits of a document, beside USER_METADATA_MAX_BYTES.'),
  userMetadata: z
    .strictObject({
      schema: z
        .union([z.string().min(1), jsonObject])
        .optional()
        .describe('JSON Schema (draft 2020-12) of user_metadata, or the path of a file that holds it.'),
      language: languageTag.optional().describe('The language of its titles and descriptions.'),
      locales: z
        .record(languageTag, z.union([z.string().min(1), jsonObject]))
        .default({})
        .describe('By language: merge patches over the schema that change its annotations, or their files.'),
    })
    .prefault({}),
  appMetadata: z
    .strictObject({
      readable: keys.default([]).describe('Top-level keys of app_metadata that callers may read.'),
    })
    .prefault({}),
  clientMetadata: z
    .strictObject({
      readable: keys.default([]).describe('Keys of client_metadata that callers may read.'),
    })
    .prefault({}),
  delegation: z
    .strictObject({
      access: z
        .enum(['refuse', 'read', 'write'], 'must be refuse, read or write')
        .default('read')
        .describe('What a token may do, at most, whose act claim names an actor (RFC 8693).'),
      actors: z
        .array(z.string().min(1))
        .default([])
        .describe('The sub of each outermost actor that may act for a user. Empty: any.'),
    })
    .prefault({})
    .describe('Callers who act for a user.'),
  scopedKeys,
  erasure: z
    .strictObject({
      writeOnce: z
        .boolean()
        .default(false)
        .describe('Whether DELETE of the whole document removes what can be set once.'),
    })
    .prefault({})
    .describe('What goes when a user erases everything.'),
  stepUp: z
    .strictObject({
      authTimeClaim: z
        .string()
        .min(1)
        .default('auth_time')
        .describe('The claim of the access token that says when the user logged in, in seconds.'),
      acrClaim: z.string().min(1).default('acr').describe('The claim that names the class of the login.'),
    })
    .prefault({})
    .describe('Where the access token says how recent and how strong the login is.'),
  clients: z
    .record(
      clientId,
      z
        .strictObject({
          readable: keys.optional().describe('The only keys of user_metadata that exist for it.'),
          writable: keys.optional().describe('The only ones it may change; by default all it may read.'),
        })
        .refine(
          ({ readable, writable }) =>
            readable === undefined || (writable ?? []).every((key) => readable.includes(key)),
          'writable must lie within readable',
        ),
    )
    .default({})
    .describe('By client id: applications that see or change less than the whole user_metadata.'),
  claims,
});

export const policySchema = members.superRefine(
  ({ claims: mapped, appMetadata, scopes, scopedKeys: opened }, context) => {
    for (const name of Object.values(scopes).filter((each) => Object.hasOwn(opened, each))) {
      const message = 'must differ from the names in scopes, each of which opens a whole document';
      context.addIssue({ code: 'custom', path: ['scopedKeys', name], message });
    }
    for (const [name, pointer] of Object.entries(mapped)) {
      const [, part, key = ''] = pointer.split('/');
      const topLevelKey = key.replaceAll('~1', '/').replaceAll('~0', '~');
      // Not in /me, so the service could not compare it.
      if (part !== 'app_metadata' || appMetadata.readable.includes(topLevelKey)) continue;
      context.addIssue({
        code: 'custom',
        path: ['claims', name],
        message: 'must name a key of app_metadata that appMetadata.readable lists',
      });
    }
  },
);

type PolicyFile = z.infer<typeof policySchema>;

type JsonFile = Readonly<Record<string, z.core.util.JSONType>>;

/** The schema of user_metadata and its languages, in place of their paths. */
export interface UserMetadataPolicy {
  readonly schema: JsonFile | undefined;
  readonly language: string | undefined;
  /** Merge patches over the schema, by language. */
  readonly locales: Readonly<Record<string, JsonFile>>;
}

export interface Policy extends Omit<PolicyFile, '$schema' | 'userMetadata'> {
  readonly userMetadata: UserMetadataPolicy;
}

/**
 * What is wrong with the schema and, where nothing is wrong with the rest of the policy, how the two contradict each
 * other. Each error stands after its place in the policy.
 */
export type FindPolicyErrors = (
  userMetadata: UserMetadataPolicy,
  rest?: { readonly policy: Policy; readonly allowedClients: readonly string[] },
) => readonly string[];

/**
 * Reads the policy file, and the files of schemas that it names.
 * @param errors gets each error, by the place in the policy.
 * @param findPolicyErrors is called only if there are other errors, so that all are listed at once.
 * @returns undefined with at least one error.
 */
export function loadPolicy(
  path: string,
  readFile: ReadFile,
  errors: string[],
  findPolicyErrors: FindPolicyErrors = () => [],
): Policy | undefined {
  const content = readJson(path, 'POLICY_FILE', readFile, errors);
  if (content === undefined) return undefined;
  const before = errors.length;
  const result = policySchema.safeParse(content);
  for (const { path: place, message } of result.error?.issues ?? []) {
    errors.push(`POLICY_FILE: ${place.map(String).join('.') || 'the file'}: ${message}`);
  }
  // The schema can be examined whatever is wrong beside it.
  const part = members.pick({ userMetadata: true }).strip().safeParse(content);
  const userMetadata = part.data && loadUserMetadata(part.data.userMetadata, path, readFile, errors);
  if (result.success && userMetadata && errors.length === before) {
    const { $schema: _forEditors, ...policy } = result.data;
    return { ...policy, userMetadata };
  }
  if (userMetadata) errors.push(...findPolicyErrors(userMetadata));
  return undefined;
}

/** @returns undefined with at least one error. */
function loadUserMetadata(
  { schema, language, locales }: PolicyFile['userMetadata'],
  policyPath: string,
  readFile: ReadFile,
  errors: string[],
): UserMetadataPolicy | undefined {
  const before = errors.length;
  const load = (name: string, value: string | JsonFile): JsonFile => {
    if (typeof value !== 'string') return value;
    const place = `POLICY_FILE: userMetadata.${name}`;
    const read = readJson(resolve(dirname(policyPath), value), place, readFile, errors);
    const file = jsonObject.safeParse(read);
    if (file.success) return file.data;
    errors.push(`${place}: the file must hold a JSON object`);
    return {};
  };
  const loaded = {
    language,
    schema: schema === undefined ? undefined : load('schema', schema),
    locales: Object.fromEntries(
      Object.entries(locales).map(([tag, patch]) => [tag, load(`locales.${tag}`, patch)]),
    ),
  };
  return errors.length > before ? undefined : loaded;
}

function readJson(path: string, name: string, readFile: ReadFile, errors: string[]): unknown {
  const content = readText(name, path, readFile, errors);
  if (content === undefined) return undefined;
  try {
    return JSON.parse(content);
  } catch {
    errors.push(`${name}: the file is not valid JSON`);
    return undefined;
  }
}

/** The policy file's own JSON Schema, for editors. Kept in `config/policy.schema.json`. */
export function getPolicyJsonSchema(): unknown {
  return z.toJSONSchema(policySchema, { io: 'input' });
}
