/**
 * When the post-login Actions run: after each login, before the code is issued, and at each use of a refresh token,
 * before it rotates. What they decide waits here until the tokens are made.
 */
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Actions, ActionsOutcome } from './actions.ts';
import type { Addresses } from './addresses.ts';
import type { ClientStore } from './client-store.ts';
import { isJsonObject } from './json.ts';
import { oidcLibrary } from './oidc-provider.ts';
import { fromProviderParameters } from './oidc-translation.ts';
import type { PostLoginEvent } from './post-login-action.ts';
import type { StoredUser, UserStore } from './user-store.ts';

/** The `acr` of a login with a second factor, as Auth0 has it. */
export const MULTI_FACTOR_ACR = 'http://schemas.openid.net/pape/policies/2007/06/multi-factor';

/** Logins whose tokens can be outstanding. A browser may never ask for them. */
const MAX_OUTCOMES = 1000;

interface Authentication {
  readonly amr: readonly string[] | undefined;
  readonly authTime: number | undefined;
  readonly sessionId: string | undefined;
}

export interface PostLogin {
  /**
   * Runs the Actions for an authorization request of a user who has logged in. Resolves to whether the user has to give
   * a second factor first. @throws AccessDenied of the provider.
   */
  readonly runAtLogin: (ctx: KoaContextWithOIDC) => Promise<boolean>;
  /** Runs the Actions before a refresh token rotates. @throws an error of the provider if no tokens may be issued. */
  readonly runAtRefresh: (ctx: KoaContextWithOIDC) => Promise<void>;
  /** What the Actions said about the tokens of this request. */
  readonly getClaims: (
    ctx: KoaContextWithOIDC,
  ) => Pick<ActionsOutcome, 'accessTokenClaims' | 'idTokenClaims'> | undefined;
}

interface Dependencies {
  readonly actions: Actions;
  readonly users: UserStore;
  readonly clients: ClientStore;
  readonly addresses: Addresses;
}

export function createPostLogin({ actions, users, clients, addresses }: Dependencies): PostLogin {
  const outcomeByGrant = new Map<string, ActionsOutcome>();

  async function run(
    ctx: KoaContextWithOIDC,
    protocol: PostLoginEvent['transaction']['protocol'],
    authentication: Authentication,
  ): Promise<ActionsOutcome> {
    const user = users.find(ctx.oidc.account?.accountId ?? '');
    const grantId = ctx.oidc.grant?.jti;
    if (!user || grantId === undefined) throw new oidcLibrary.errors.AccessDenied('there is no such user');
    const outcome = await actions
      .run(user, toEvent(ctx, user, protocol, authentication))
      .catch((error: unknown) => {
        throw new oidcLibrary.errors.CustomOIDCProviderError(
          'server_error',
          `An Action failed: ${String(error)}`,
        );
      });
    if (outcome.denied !== undefined) throw new oidcLibrary.errors.AccessDenied(outcome.denied);
    outcomeByGrant.delete(grantId);
    outcomeByGrant.set(grantId, outcome);
    for (const oldest of outcomeByGrant.keys()) {
      if (outcomeByGrant.size > MAX_OUTCOMES) outcomeByGrant.delete(oldest);
    }
    return outcome;
  }

  function toEvent(
    ctx: KoaContextWithOIDC,
    user: StoredUser,
    protocol: PostLoginEvent['transaction']['protocol'],
    { amr = ['pwd'], authTime = 0, sessionId }: Authentication,
  ): Parameters<Actions['run']>[1] {
    const clientId = ctx.oidc.client?.clientId ?? '';
    const { name = clientId, client_metadata: metadata = {} } = clients.find(clientId) ?? {};
    const parameters = fromProviderParameters(ctx.oidc.params ?? {});
    const getList = (parameter: string) => parameters[parameter]?.split(' ').filter(Boolean) ?? [];
    const getOptional = (parameter: string) =>
      parameters[parameter] === undefined ? {} : { [parameter]: parameters[parameter] };
    const isRefresh = protocol === 'oauth2-refresh-token';
    const { audience = isRefresh ? getResource(ctx) : undefined } = parameters;
    const { connection } = getIdentity(user);
    const timestamp = new Date(authTime * 1000).toISOString();
    return {
      client: { client_id: clientId, name, metadata },
      connection: {
        id: `con_${connection}`,
        name: connection,
        strategy: user.user_id.split('|')[0] ?? 'auth0',
      },
      request: {
        ip: ctx.ip,
        method: ctx.method,
        hostname: new URL(addresses.url).hostname,
        query: isRefresh ? {} : parameters,
        body: isRefresh ? parameters : {},
        geoip: {},
        ...(ctx.headers['accept-language'] === undefined ? {} : { language: ctx.headers['accept-language'] }),
        ...(ctx.headers['user-agent'] === undefined ? {} : { user_agent: ctx.headers['user-agent'] }),
      },
      transaction: {
        protocol,
        acr_values: getList('acr_values'),
        prompt: getList('prompt'),
        requested_scopes: getList('scope'),
        ui_locales: getList('ui_locales'),
        metadata: {},
        ...getOptional('redirect_uri'),
        ...getOptional('response_mode'),
        ...getOptional('login_hint'),
        ...getOptional('state'),
        ...(parameters['response_type'] === undefined ? {} : { response_type: getList('response_type') }),
      },
      authentication: { methods: amr.map((method) => ({ name: method, timestamp })) },
      authorization: { roles: [] },
      ...(audience === undefined ? {} : { resource_server: { identifier: audience } }),
      ...(sessionId === undefined ? {} : { session: { id: sessionId } }),
    };
  }

  return {
    async runAtLogin(ctx) {
      const { session, result } = ctx.oidc;
      const { needsSecondFactor } = await run(ctx, 'oidc-basic-profile', {
        amr: session?.amr,
        authTime: session?.authTime(),
        sessionId: session?.uid,
      });
      return needsSecondFactor && !result?.login?.amr?.includes('mfa');
    },
    async runAtRefresh(ctx) {
      const { RefreshToken: token } = ctx.oidc.entities;
      const { needsSecondFactor } = await run(ctx, 'oauth2-refresh-token', {
        amr: token?.amr,
        authTime: token?.authTime,
        sessionId: token?.sessionUid,
      });
      if (needsSecondFactor && !token?.amr?.includes('mfa')) {
        throw new oidcLibrary.errors.CustomOIDCProviderError(
          'mfa_required',
          'Multifactor authentication required',
        );
      }
    },
    getClaims: (ctx) => outcomeByGrant.get(ctx.oidc.grant?.jti ?? ''),
  };
}

function getIdentity(user: StoredUser): { readonly connection: string } {
  const [identity] = Array.isArray(user['identities']) ? user['identities'] : [];
  const connection = isJsonObject(identity) ? identity['connection'] : undefined;
  return { connection: typeof connection === 'string' ? connection : 'Username-Password-Authentication' };
}

function getResource(ctx: KoaContextWithOIDC): string | undefined {
  return [ctx.oidc.entities.RefreshToken?.resource].flat()[0];
}
