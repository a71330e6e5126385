// @ts-check
/**
 * Who is logged in, by way of the Auth0 SDK. Tokens stay in the memory of a worker, out of reach of scripts; after a
 * page reload the tenant's session, asked in a hidden frame, gives new ones, and from then on refresh tokens do.
 */

const SDK = '/vendor/auth0-spa-js';

/** @typedef {{ domain: string, clientId: string, audience: string, apiBaseUrl: string, scope: string, useDpop: boolean }} PageConfig */
/** @typedef {{ readonly sub: string, readonly name: string, readonly email: string }} Person */
/** @typedef {Awaited<ReturnType<typeof createSession>>} Session */

/** Errors of the SDK after which only another log-in helps. */
const ENDED = new Set([
  'login_required',
  'consent_required',
  'interaction_required',
  'missing_refresh_token',
  'invalid_grant',
]);

/** @param {any} error */
export function isSessionEnded(error) {
  return ENDED.has(error?.error);
}

/** @param {PageConfig} config */
export async function createSession({ domain, clientId, audience, scope, useDpop }) {
  /** @type {typeof import('@auth0/auth0-spa-js')} */
  const { Auth0Client } = await import(`${SDK}/auth0-spa-js.production.esm.js`);
  const home = `${location.origin}/`;
  const client = new Auth0Client({
    domain,
    clientId,
    useDpop,
    cacheLocation: 'memory',
    useRefreshTokens: true,
    useRefreshTokensFallback: true,
    authorizeTimeoutInSeconds: 10,
    workerUrl: `${SDK}/auth0-spa-js.worker.production.js`,
    authorizationParams: { audience, scope, redirect_uri: home },
  });

  /** With DPoP, the SDK adds token and proof to each request; otherwise the caller adds the token. */
  function access() {
    if (!useDpop) {
      return {
        /** @param {{ readonly forceRefresh: boolean }} request */
        getAccessToken: async ({ forceRefresh }) =>
          (await client.getTokenSilently({ cacheMode: forceRefresh ? 'off' : 'on' })) ?? '',
      };
    }
    const fetcher = client.createFetcher({ dpopNonceId: 'metadata-bff' });
    return {
      /**
       * @param {string} url
       * @param {RequestInit} init
       */
      fetch: (url, init) => fetcher.fetchWithAuth(url, init, { audience }),
    };
  }

  return {
    access: access(),
    /** Ends a log-in under way, or picks up an earlier one. @returns {Promise<Person | undefined>} */
    async resume() {
      const query = new URLSearchParams(location.search);
      if (query.has('state') && (query.has('code') || query.has('error'))) {
        // Used up, whatever comes of it: a reload must not try again.
        const callback = location.href;
        history.replaceState(null, '', '/');
        await client.handleRedirectCallback(callback);
      } else {
        await client.checkSession();
      }
      const user = await client.getUser();
      return user && { sub: user.sub ?? '', name: user.name ?? user.sub ?? '', email: user.email ?? '' };
    },
    /** Leaves the page. */
    logIn: () => client.loginWithRedirect(),
    /** Leaves the page. */
    logOut: () => client.logout({ logoutParams: { returnTo: home } }),
  };
}
