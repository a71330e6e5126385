/**
 * What PATCH /api/v2/users/{id} accepts and what it does to a user (Management API reference, PATCH users by id).
 * Metadata merges at the first level only, null removes a key, and an empty object wipes: that is Auth0's rule.
 */
import { z } from 'zod';
import { Auth0Error } from './auth0-errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonTypeName } from './json.ts';
import type { StoredUser, UserWrite } from './user-store.ts';

const text = z.string().nullable();
const flag = z.boolean().nullable();
const metadata = z.custom<JsonObject>(isJsonObject, { params: { expected: 'object' } });

const attributeSchemas = {
  blocked: flag,
  email_verified: flag,
  email: text,
  phone_number: text,
  phone_verified: flag,
  user_metadata: metadata,
  app_metadata: metadata,
  given_name: text,
  family_name: text,
  name: text,
  nickname: text,
  picture: text,
  verify_email: z.boolean(),
  verify_phone_number: z.boolean(),
  password: z.string(),
  connection: z.string(),
  client_id: z.string(),
  username: text,
};
const patchSchema = z.strictObject(attributeSchemas).partial();
const instructions = new Set(['verify_email', 'verify_phone_number', 'password', 'connection', 'client_id']);

export type UserPatch = z.infer<typeof patchSchema>;

/** The body of a PATCH, or the 400 that Auth0 gives for it. */
export function parseUserPatch(body: unknown): UserPatch {
  if (!isJsonObject(body)) {
    throw createInvalidBodyError(`'Expected type object but found type ${jsonTypeName(body ?? null)}'.`);
  }
  const parsed = patchSchema.safeParse(body);
  if (!parsed.success) throw createPatchError(parsed.error.issues, body);
  if (Object.keys(parsed.data).length === 0) throw createNoSchemaError();
  return parsed.data;
}

/** What a PATCH writes to `user`. Does not look at who asks. */
export function toUserWrite(user: StoredUser, patch: UserPatch): UserWrite {
  const attributes = new Map<string, JsonValue>();
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined || instructions.has(name)) continue;
    if (name === 'user_metadata' && isJsonObject(value)) {
      attributes.set(name, mergeMetadata(user[name], value));
    } else if (name === 'app_metadata' && isJsonObject(value)) {
      const merged = mergeMetadata(user[name], value);
      // Recorded: an emptied user_metadata stays as {}, an emptied app_metadata disappears.
      attributes.set(name, Object.keys(merged).length === 0 ? null : merged);
    } else {
      attributes.set(name, value);
    }
  }
  return {
    attributes: Object.fromEntries(attributes),
    ...(patch.password === undefined ? {} : { password: patch.password }),
  };
}

// null removes a key, anything else replaces it whole, and {} removes all.
function mergeMetadata(stored: JsonValue | undefined, change: JsonObject): JsonObject {
  if (Object.keys(change).length === 0) return {};
  const merged = new Map(isJsonObject(stored) ? Object.entries(stored) : []);
  for (const [key, value] of Object.entries(change)) {
    if (value === null) merged.delete(key);
    else merged.set(key, value);
  }
  return Object.fromEntries(merged);
}

function createPatchError(issues: readonly z.core.$ZodIssue[], body: JsonObject): Auth0Error {
  const unknown = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
  if (unknown.length > 0) {
    const advice =
      'consider storing them in app_metadata or user_metadata. See "Users Metadata" in https://auth0.com/docs/api/v2/changes for more details';
    return createInvalidBodyError(`'Additional properties not allowed: ${unknown.join(',')} (${advice})'.`);
  }
  const name = String(issues[0]?.path[0] ?? '');
  const expected = issues[0]?.code === 'invalid_type' ? issues[0].expected : 'object';
  return createInvalidBodyError(
    `'Expected type ${expected} but found type ${jsonTypeName(body[name])}' on property ${name}.`,
  );
}

function createNoSchemaError(): Auth0Error {
  const missing = Object.keys(attributeSchemas)
    .filter((name) => !instructions.has(name) || name === 'password')
    .map((name) => `Payload validation error: 'Missing required property: ${name}'.`);
  return createInvalidBodyError(
    `'None of the valid schemas were met'. Inner errors: [ ${missing.join(' (also) ')} ]`,
  );
}

function createInvalidBodyError(detail: string): Auth0Error {
  return new Auth0Error(400, `Payload validation error: ${detail}`, 'invalid_body');
}
