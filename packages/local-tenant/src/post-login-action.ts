/** What post-login Actions are to those who write them. */
import type { JsonObject } from './json.ts';

/** What an Action is given, with Auth0's names. Other properties of Auth0's event are missing. */
export interface PostLoginEvent {
  readonly user: JsonObject & {
    readonly user_id: string;
    readonly user_metadata: JsonObject;
    readonly app_metadata: JsonObject;
  };
  readonly client: { readonly client_id: string; readonly name: string; readonly metadata: JsonObject };
  readonly connection: { readonly id: string; readonly name: string; readonly strategy: string };
  readonly request: {
    readonly ip: string;
    readonly method: string;
    readonly hostname: string;
    readonly query: Readonly<Record<string, string>>;
    readonly body: Readonly<Record<string, string>>;
    readonly geoip: JsonObject;
    readonly language?: string;
    readonly user_agent?: string;
  };
  readonly transaction: {
    readonly protocol: 'oidc-basic-profile' | 'oauth2-refresh-token';
    readonly acr_values: readonly string[];
    readonly prompt: readonly string[];
    readonly requested_scopes: readonly string[];
    readonly ui_locales: readonly string[];
    readonly metadata: JsonObject;
    readonly redirect_uri?: string;
    readonly response_mode?: string;
    readonly response_type?: readonly string[];
    readonly login_hint?: string;
    readonly state?: string;
  };
  readonly authentication: {
    readonly methods: ReadonlyArray<{ readonly name: string; readonly timestamp: string }>;
  };
  readonly authorization: { readonly roles: readonly string[] };
  readonly resource_server?: { readonly identifier: string };
  readonly session?: { readonly id: string };
  readonly stats: { readonly logins_count: number };
  readonly tenant: { readonly id: string };
  readonly secrets: Readonly<Record<string, string>>;
}

/** What an Action can do, with Auth0's names. Other functions of Auth0's object are missing. */
export interface PostLoginApi {
  readonly access: { deny(reason: string): void };
  readonly accessToken: { setCustomClaim(name: string, value: unknown): void };
  readonly idToken: { setCustomClaim(name: string, value: unknown): void };
  readonly user: {
    setUserMetadata(key: string, value: unknown): void;
    setAppMetadata(key: string, value: unknown): void;
  };
  readonly multifactor: { enable(provider: string, options?: unknown): void };
  readonly authentication: {
    challengeWith(factor: unknown, options?: unknown): void;
    challengeWithAny(factors: unknown): void;
  };
}

export type PostLoginFunction = (event: PostLoginEvent, api: PostLoginApi) => unknown;

/** A function, or the source text of an Action as Auth0's editor has it, which exports `onExecutePostLogin`. */
export type TenantAction =
  | PostLoginFunction
  | string
  | { readonly code: PostLoginFunction | string; readonly secrets?: Readonly<Record<string, string>> };
