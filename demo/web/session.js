// @ts-check
/**
 * The login, by the Auth0 SDK. Tokens stay in the memory of a worker; after a reload, the session at the tenant gives
 * new ones, and refresh tokens from then on.
 */
import { Auth0Client } from '@auth0/auth0-spa-js';

/** @typedef {{ domain: string, clientId: string, audience: string, apiBaseUrl: string, scope: string, useDpop: boolean }} PageConfig */
/** @typedef {ReturnType<typeof createSession>} Session */

/**
 * @param {PageConfig} config
 * @param {typeof fetch} observedFetch for the requests to the service
 */
export function createSession({ domain, clientId, audience, scope, useDpop }, observedFetch) {
  const home = `${location.origin}/`;
  const auth0 = new Auth0Client({
    domain,
    clientId,
    useDpop,
    cacheLocation: 'memory',
    useRefreshTokens: true,
    useRefreshTokensFallback: true,
    authorizeTimeoutInSeconds: 10,
    workerUrl: '/vendor/auth0-spa-js/auth0-spa-js.worker.production.js',
    authorizationParams: { audience, scope, redirect_uri: home },
  });

  /** Options of the client. With DPoP, the SDK adds token and proof to each request; otherwise the client adds the token. */
  function getAccess() {
    if (useDpop) {
      const fetcher = auth0.createFetcher({ dpopNonceId: 'metadata-bff', fetch: observedFetch });
      const fetchWithProof = (/** @type {string} */ url, /** @type {RequestInit} */ init) =>
        fetcher.fetchWithAuth(url, init, { audience });
      return { fetch: fetchWithProof };
    }
    return {
      fetch: observedFetch,
      getAccessToken: (/** @type {{ readonly forceRefresh: boolean }} */ { forceRefresh }) =>
        auth0.getTokenSilently({ cacheMode: forceRefresh ? 'off' : 'on' }),
    };
  }

  return {
    access: getAccess(),
    /** Ends a login under way, or takes up an earlier one. Resolves to the user, or to undefined. */
    async resume() {
      const query = new URLSearchParams(location.search);
      if (query.has('state') && (query.has('code') || query.has('error'))) {
        // Used up, whatever comes of it: a reload must not try again.
        const callback = location.href;
        history.replaceState(null, '', '/');
        await auth0.handleRedirectCallback(callback);
      } else {
        await auth0.checkSession();
      }
      return auth0.getUser();
    },
    /**
     * Leaves the page. A change may need a recent or a stronger login (RFC 9470).
     * @param {{ readonly maxAge?: number | undefined, readonly acrValues?: readonly string[] }} [needed]
     */
    logIn: ({ maxAge, acrValues = [] } = {}) =>
      auth0.loginWithRedirect({
        authorizationParams: {
          ...(maxAge === undefined ? {} : { max_age: maxAge }),
          ...(acrValues.length === 0 ? {} : { acr_values: acrValues.join(' ') }),
        },
      }),
    /** Leaves the page. */
    logOut: () => auth0.logout({ logoutParams: { returnTo: home } }),
  };
}
