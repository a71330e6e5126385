/**
 * The OpenID Connect side of the tenant: oidc-provider, configured to behave as Auth0 does towards its SPA SDK. The
 * provider is rebuilt when the signing key changes; its store, and so every session and refresh token, stays.
 */
import { randomBytes } from 'node:crypto';
import type {
  Adapter,
  AdapterFactory,
  AdapterPayload,
  ClientMetadata,
  interactionPolicy,
  JWK,
  Provider,
} from 'oidc-provider';
import { type Addresses, isLocalOrigin, isLocalUrl } from './addresses.ts';
import type { Apis } from './apis.ts';
import { type ClientStore, getAppType, isPublicClient } from './client-store.ts';
import { oidcLibrary } from './oidc-provider.ts';
import {
  getResourceServer,
  grantAllScopes,
  OFFLINE_SCOPE,
  toAuth0AccessToken,
  translateResponse,
} from './oidc-translation.ts';
import { MULTI_FACTOR_ACR, type PostLogin } from './post-login.ts';
import type { SigningKey, SigningKeys } from './signing-keys.ts';
import type { TenantClient } from './tenant-options.ts';
import { getProfileClaims, type UserStore } from './user-store.ts';

/**
 * The provider's own policy, without consent, and with a new login if the session's user is gone or blocked. After the
 * login, the Actions run; they may ask for a second factor.
 */
function createAuthenticationPolicy({ runAtLogin }: PostLogin): interactionPolicy.DefaultPolicy {
  const { Check, Prompt } = oidcLibrary.interactionPolicy;
  const policy = oidcLibrary.interactionPolicy.base();
  policy.remove('consent');
  const accountGone = new Check(
    'account_gone',
    'End-User authentication is required',
    'login_required',
    (ctx) => ctx.oidc.session?.accountId !== undefined && ctx.oidc.account === undefined,
  );
  policy.get('login')?.checks.add(accountGone);
  const secondFactor = new Check(
    'second_factor',
    'Multifactor authentication required',
    'interaction_required',
    runAtLogin,
  );
  policy.add(new Prompt({ name: 'mfa' }, secondFactor));
  return policy;
}

// Sessions, grants, codes and refresh tokens are stored in memory. The store outlives the provider, which is rebuilt at
// each key rotation.

interface Entry {
  payload: AdapterPayload;
  readonly expiresAt: number;
}

/** An adapter factory over one empty store. `now` is in milliseconds since 1970. */
function createOidcStore(now: () => number): AdapterFactory {
  const models = new Map<string, Map<string, Entry>>();
  const entriesOf = (model: string) => {
    const entries = models.get(model) ?? new Map<string, Entry>();
    models.set(model, entries);
    return entries;
  };
  return (model) => createAdapter(entriesOf(model), models, now);
}

function createAdapter(
  entries: Map<string, Entry>,
  models: ReadonlyMap<string, Map<string, Entry>>,
  now: () => number,
): Adapter {
  function live(id: string): AdapterPayload | undefined {
    const entry = entries.get(id);
    if (entry && entry.expiresAt <= now()) entries.delete(id);
    return entry && entry.expiresAt > now() ? entry.payload : undefined;
  }

  function dropExpired(): void {
    for (const id of entries.keys()) live(id);
  }

  function findWhere(matches: (payload: AdapterPayload) => boolean): AdapterPayload | undefined {
    return [...entries.keys()].map(live).find((payload) => payload !== undefined && matches(payload));
  }

  return {
    async upsert(id, payload, expiresInSeconds) {
      dropExpired();
      const expiresAt = expiresInSeconds === undefined ? Infinity : now() + expiresInSeconds * 1000;
      entries.set(id, { payload, expiresAt });
    },
    find: async (id) => live(id),
    findByUid: async (uid) => findWhere((payload) => payload.uid === uid),
    findByUserCode: async (userCode) => findWhere((payload) => payload.userCode === userCode),
    async consume(id) {
      const entry = entries.get(id);
      if (entry) entry.payload = { ...entry.payload, consumed: Math.floor(now() / 1000) };
    },
    async destroy(id) {
      entries.delete(id);
    },
    async revokeByGrantId(grantId) {
      for (const all of models.values()) {
        for (const [id, { payload }] of all) if (payload.grantId === grantId) all.delete(id);
      }
    },
  };
}

export interface Oidc {
  /** The provider that signs with the current key. */
  provider(): Provider;
}

interface Dependencies {
  readonly keys: SigningKeys;
  readonly users: UserStore;
  readonly clients: ClientStore;
  readonly apis: Apis;
  readonly postLogin: PostLogin;
  readonly addresses: Addresses;
}

/** A provider for the applications and users of the tenant. */
export function createOidc({ keys, users, clients, apis, postLogin, addresses }: Dependencies): Oidc {
  const adapter = createOidcStore(Date.now);
  const secrets = { cookies: randomBytes(32).toString('hex'), nonces: randomBytes(32) };
  let built: { kid: string; provider: Provider } | undefined;

  function build(): Provider {
    const provider = new oidcLibrary.Provider(addresses.issuer, {
      adapter,
      jwks: { keys: [...keys.published()].map(exportPrivateJwk) },
      clients: clients
        .list()
        .filter((client) => getAppType(client) !== 'non_interactive')
        .map(toProviderClient),
      clientBasedCORS: (_ctx, origin) => isLocalOrigin(origin),
      scopes: ['openid', 'profile', 'email', OFFLINE_SCOPE],
      claims: {
        openid: ['sub'],
        profile: ['name', 'given_name', 'family_name', 'nickname', 'picture', 'updated_at'],
        email: ['email', 'email_verified'],
      },
      conformIdTokenClaims: false,
      // Browsers share cookies between the ports of a host: the port keeps two tenants apart.
      cookies: {
        keys: [secrets.cookies],
        names: {
          session: `tenant-${addresses.port}`,
          interaction: `tenant-${addresses.port}-interaction`,
          resume: `tenant-${addresses.port}-resume`,
        },
      },
      routes: {
        authorization: '/authorize',
        token: '/oauth/token',
        revocation: '/oauth/revoke',
        userinfo: '/userinfo',
        jwks: '/.well-known/jwks.json',
      },
      features: {
        devInteractions: { enabled: false },
        rpInitiatedLogout: { enabled: false },
        revocation: {
          enabled: true,
          allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
        },
        webMessageResponseMode: { enabled: true, ack: 'individual-draft-01' },
        dPoP: { enabled: true, nonceSecret: secrets.nonces, requireNonce: () => true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => undefined,
          useGrantedResource: () => true,
          getResourceServerInfo: (_ctx, audience) => getResourceServer(audience, apis),
        },
      },
      formats: {
        customizers: {
          jwt: (ctx, token, parts) => {
            const claims = postLogin.getClaims(ctx)?.accessTokenClaims ?? {};
            toAuth0AccessToken(ctx, token, parts, { addresses, apis, claims });
          },
        },
      },
      interactions: {
        policy: createAuthenticationPolicy(postLogin),
        url: (_ctx, { uid, prompt }) => (prompt.name === 'mfa' ? `/u/mfa/${uid}` : `/u/login/${uid}`),
      },
      findAccount: (_ctx, id) => {
        const user = users.find(id);
        if (!user || user['blocked'] === true) return undefined;
        return { accountId: id, claims: () => getProfileClaims(user) };
      },
      loadExistingGrant: grantAllScopes,
      issueRefreshToken: (_ctx, _client, source) =>
        source.scopes.has(OFFLINE_SCOPE) &&
        [source.resource].flat().every((audience = '') => apis.find(audience)?.allow_offline_access ?? true),
      async rotateRefreshToken(ctx) {
        await postLogin.runAtRefresh(ctx);
        return true;
      },
      expiresWithSession: () => false,
      pkce: { required: (_ctx, client) => client.tokenEndpointAuthMethod === 'none' },
      ttl: {
        AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? 86_400,
        AuthorizationCode: 60,
        IdToken: 36_000,
        RefreshToken: 2_592_000,
        Interaction: 3600,
        Session: 259_200,
        Grant: 2_592_000,
      },
      renderError: (ctx, out) => {
        ctx.type = 'text/plain';
        ctx.body = `The log-in cannot go on: ${out.error}\n${out.error_description ?? ''}\n`;
      },
    });
    // Documented for exactly this purpose: callbacks that no static list can name.
    provider.Client.prototype.redirectUriAllowed = function isAllowed(address) {
      return isLocalUrl(address) || (clients.find(this.clientId)?.callbacks ?? []).includes(address);
    };
    // oxlint-disable-next-line typescript/unbound-method -- it is called with its token
    const { payload: getPayload } = provider.IdToken.prototype;
    provider.IdToken.prototype.payload = async function getPayloadWithClaims() {
      const { RefreshToken, AuthorizationCode } = this.ctx.oidc.entities;
      const { amr, acr } = RefreshToken ?? AuthorizationCode ?? {};
      return {
        ...postLogin.getClaims(this.ctx)?.idTokenClaims,
        ...(await getPayload.call(this)),
        // Auth0 names the second factor, and nothing else.
        ...(acr === MULTI_FACTOR_ACR && amr?.includes('mfa') ? { acr, amr: ['mfa'] } : {}),
      };
    };
    provider.use(translateResponse);
    return provider;
  }

  return {
    provider() {
      const { kid } = keys.current();
      if (built?.kid !== kid) built = { kid, provider: build() };
      return built.provider;
    },
  };
}

function toProviderClient(client: TenantClient): ClientMetadata {
  return {
    client_id: client.client_id,
    ...(client.client_secret === undefined ? {} : { client_secret: client.client_secret }),
    token_endpoint_auth_method: isPublicClient(client) ? 'none' : 'client_secret_post',
    grant_types: ['authorization_code', 'refresh_token'],
    application_type: 'native',
    // Which addresses are allowed is decided elsewhere; the schema wants one.
    redirect_uris: ['http://localhost/'],
  };
}

function exportPrivateJwk({ kid, privateKey }: SigningKey): JWK {
  return { ...privateKey.export({ format: 'jwk' }), kty: 'RSA', kid, use: 'sig', alg: 'RS256' };
}
