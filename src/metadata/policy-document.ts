/**
 * The policy as one caller meets it: which places of their metadata they may change, and why not the others. Made by
 * the rule that is enforced (`combineRules`).
 */
import { type JsonObject, pointerToken } from '../lib/json.ts';
import type { Access, Reason } from './policy.ts';
import type { SchemaPlace, SchemaRules } from './schema-rules.ts';

interface PolicyDocumentRules {
  readonly schema: SchemaRules;
  /** Keys of `app_metadata` that may be read. */
  readonly appMetadataReadable: ReadonlySet<string>;
  /** By name: claims of the access token that mirror what is stored at these pointers into `/me`. */
  readonly claims: Readonly<Record<string, string>>;
}

/** Makes the document of one caller for the metadata that is stored. `access` is that caller's. */
export type DescribePolicy = (
  access: Access,
  document: JsonObject,
  options: { readonly withAppMetadata: boolean },
) => JsonObject;

export function createPolicyDocument({
  schema,
  appMetadataReadable,
  claims,
}: PolicyDocumentRules): DescribePolicy {
  const claimOf = new Map(Object.entries(claims).map(([name, pointer]) => [pointer, name]));

  function describe(pointer: string, reason: Reason | undefined, stepUp?: JsonObject): JsonObject {
    const claim = claimOf.get(pointer);
    return {
      access: reason === undefined ? 'read_write' : 'read_only',
      ...(reason === undefined ? {} : { reason }),
      ...(stepUp === undefined ? {} : { step_up: stepUp }),
      ...(claim === undefined ? {} : { claim }),
    };
  }

  function describeUserMetadata(access: Access, document: JsonObject): JsonObject {
    const { isClosed, places } = schema.describePlaces(document);
    const entries = places.flatMap(
      ({ path, pointer, fixedBy, stepUp }: SchemaPlace): Array<[string, JsonObject]> => {
        const [key] = path;
        if (key !== undefined && !access.isReadable(key)) return [];
        const all = key === undefined && isClosed ? new Set([...fixedBy, 'schema' as const]) : fixedBy;
        return [
          [pointer, describe(`/user_metadata${pointer}`, access.getLock({ key, fixedBy: all }), stepUp)],
        ];
      },
    );
    const described = new Set(entries.map(([pointer]) => pointer));
    // Keys that the policy names and the schema does not: there is no other way to know that they may be changed.
    const [root] = places;
    const named = access.readable === 'all' ? [] : [...access.readable];
    for (const key of named) {
      const pointer = `/${pointerToken(key)}`;
      const fixedBy = new Set([...(root?.fixedBy ?? []), ...(isClosed ? (['schema'] as const) : [])]);
      if (!described.has(pointer)) {
        entries.push([pointer, describe(`/user_metadata${pointer}`, access.getLock({ key, fixedBy }))]);
      }
    }
    return Object.fromEntries(entries);
  }

  const appMetadata = Object.fromEntries(
    [...appMetadataReadable].map((key) => {
      const pointer = `/${pointerToken(key)}`;
      return [pointer, describe(`/app_metadata${pointer}`, 'app_metadata')];
    }),
  );

  return (access, document, { withAppMetadata }) => ({
    user_metadata: describeUserMetadata(access, document),
    ...(withAppMetadata ? { app_metadata: appMetadata } : {}),
  });
}
