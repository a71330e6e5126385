/**
 * The OpenID Connect side of the tenant: oidc-provider, configured to behave as Auth0 does towards its SPA SDK. The
 * provider is rebuilt when the signing key changes; its store, and so every session and refresh token, stays.
 */
import { randomBytes } from 'node:crypto';
import type { JWK, Provider } from 'oidc-provider';
import { type Addresses, isLocalOrigin, isLocalUrl } from './addresses.ts';
import { OFFLINE_SCOPE } from './authorize-request.ts';
import { authenticationPolicy } from './oidc-policy.ts';
import { oidcLibrary } from './oidc-provider.ts';
import { createOidcStore } from './oidc-store.ts';
import { describeResource, dressAccessToken, grantEverything } from './oidc-tokens.ts';
import type { SigningKey, SigningKeys } from './signing-keys.ts';
import { answerAsAuth0 } from './token-response.ts';
import { profileClaims } from './user-claims.ts';
import type { UserStore } from './user-store.ts';

export interface Oidc {
  /** The provider that signs with the current key. */
  provider(): Provider;
}

/** A provider for the application `local-spa` over the users of the tenant. */
export function createOidc(keys: SigningKeys, users: UserStore, addresses: Addresses): Oidc {
  const adapter = createOidcStore(Date.now);
  const secrets = { cookies: randomBytes(32).toString('hex'), nonces: randomBytes(32) };
  let built: { kid: string; provider: Provider } | undefined;

  function build(): Provider {
    const provider = new oidcLibrary.Provider(addresses.issuer, {
      adapter,
      jwks: { keys: [...keys.published()].map(privateJwk) },
      clients: [
        {
          client_id: 'local-spa',
          token_endpoint_auth_method: 'none',
          grant_types: ['authorization_code', 'refresh_token'],
          // Any local address is allowed, below; the schema wants one.
          redirect_uris: ['http://localhost/'],
        },
      ],
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
          getResourceServerInfo: (_ctx, audience) => describeResource(audience, addresses),
        },
      },
      formats: {
        customizers: { jwt: (ctx, token, parts) => dressAccessToken(ctx, token, parts, addresses) },
      },
      interactions: {
        policy: authenticationPolicy(),
        url: (_ctx, interaction) => `/u/login/${interaction.uid}`,
      },
      findAccount: (_ctx, id) => {
        const user = users.find(id);
        if (!user || user['blocked'] === true) return undefined;
        return { accountId: id, claims: () => profileClaims(user) };
      },
      loadExistingGrant: grantEverything,
      issueRefreshToken: (_ctx, _client, source) => source.scopes.has(OFFLINE_SCOPE),
      rotateRefreshToken: true,
      expiresWithSession: () => false,
      pkce: { required: () => true },
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
    provider.Client.prototype.redirectUriAllowed = isLocalUrl;
    provider.use(answerAsAuth0);
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

function privateJwk({ kid, privateKey }: SigningKey): JWK {
  return { ...privateKey.export({ format: 'jwk' }), kty: 'RSA', kid, use: 'sig', alg: 'RS256' };
}
