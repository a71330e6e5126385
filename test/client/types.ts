/**
 * What the compiler must say of the client's types: each line is true or does not compile. `npm run compile`
 * checks it; nothing here runs.
 */
import type { Auth0ContextInterface } from '@auth0/auth0-react';
import type { MetadataErrorCode, ProblemCode } from '../../packages/client/src/errors.ts';
import type { JsonObject, JsonValue, MergePatch } from '../../packages/client/src/json.ts';
import type { Snapshot } from '../../packages/client/src/snapshot-store.ts';
import type { MetadataClient, MetadataClientOptions } from '../../packages/client/src/options.ts';
import type { MetadataProviderProps } from '../../packages/client/src/react.ts';
import type { PROBLEMS } from '../../src/http/errors.ts';

type Same<A, B> = [A, B] extends [B, A] ? true : false;
type Fits<Value, Type> = Value extends Type ? true : false;

interface Preferences {
  theme?: 'light' | 'dark';
  readonly member_since?: string;
  notifications?: { email?: boolean; digest: { day?: string } };
  interests?: string[];
  steps: Array<{ at: number }>;
}
type Patch = MergePatch<Preferences>;
type Client = MetadataClient<Preferences>;

export const assertions = {
  codes: true satisfies Same<ProblemCode, keyof typeof PROBLEMS>,
  ownCodes: true satisfies Same<
    Exclude<MetadataErrorCode, ProblemCode>,
    'network_failed' | 'invalid_response' | 'redirect_refused'
  >,

  anyKeyMayBeLeftOut: true satisfies Fits<{ interests: [] }, Patch>,
  anyKeyMayBeRemoved: true satisfies Fits<
    { theme: null; notifications: null; interests: null; steps: null; member_since: null },
    Patch
  >,
  atAnyDepth: true satisfies Fits<{ notifications: { email: null; digest: { day: null } } }, Patch>,
  listsAreWhole: true satisfies Same<Exclude<Patch['steps'], null | undefined>, Array<{ at: number }>>,
  notInPartsOfAList: false satisfies Fits<{ steps: [{ at: null }] }, Patch>,
  valuesAreThoseOfTheSchema: false satisfies Fits<{ theme: 'neon' }, Patch>,
  anythingJson: true satisfies Fits<{ a: { b: [1, null] } }, MergePatch<JsonObject>>,

  reads: true satisfies Same<Awaited<ReturnType<Client['read']>>, Snapshot<Preferences>>,
  keys: true satisfies Same<Parameters<Client['removeKey']>[0], keyof Preferences>,
  claims: true satisfies Same<
    Exclude<MetadataClientOptions['onClaims'], undefined>,
    (stale: readonly string[]) => void
  >,
  untyped: true satisfies Same<Awaited<ReturnType<MetadataClient['read']>>['value'], JsonObject>,
  untypedKeys: true satisfies Fits<string, Parameters<MetadataClient['readKey']>[0]>,
  untypedValues: true satisfies Fits<'x', JsonValue>,
};

/** The methods that choose a type by their argument. */
export async function calls(client: Client, untyped: MetadataClient): Promise<void> {
  const { value } = await client.readKey('theme');
  true satisfies Same<typeof value, 'light' | 'dark'>;
  await client.replaceKey('interests', ['chess']);
  const any = await untyped.readKey('whatever');
  true satisfies Same<typeof any.value, JsonValue>;
}

/** The provider takes the token function of auth0-react as it is. */
export function toProviderProps({ getAccessTokenSilently }: Auth0ContextInterface): MetadataProviderProps {
  return {
    baseUrl: '',
    getAccessToken: ({ forceRefresh }) => getAccessTokenSilently({ cacheMode: forceRefresh ? 'off' : 'on' }),
  };
}
