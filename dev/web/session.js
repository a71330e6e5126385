// @ts-check
/**
 * Who is logged in, by way of the Auth0 SDK. Tokens stay in the memory of a worker, out of reach of scripts; after a
 * page reload the tenant's session, asked in a hidden frame, gives new ones, and from then on refresh tokens do.
 */

const SDK = '/vendor/auth0-spa-js';

/** @typedef {{ domain: string, clientId: string, audience: string, apiBaseUrl: string, scope: string }} PageConfig */
/** @typedef {{ readonly name: string, readonly email: string }} Person */

/**
 * @typedef {object} Session
 * @property {() => Promise<Person | undefined>} resume ends a log-in under way or picks up an earlier one
 * @property {() => Promise<void>} logIn leaves the page
 * @property {() => Promise<void>} logOut leaves the page
 * @property {(options?: { readonly renew?: boolean }) => Promise<string>} token renewed in silence when it is about to
 *   expire, or at once if asked; rejects when the user has to log in again
 */

/**
 * @param {PageConfig} config
 * @returns {Promise<Session>}
 */
export async function createSession({ domain, clientId, audience, scope }) {
  /** @type {typeof import('@auth0/auth0-spa-js')} */
  const { Auth0Client } = await import(`${SDK}/auth0-spa-js.production.esm.js`);
  const home = `${location.origin}/`;
  const client = new Auth0Client({
    domain,
    clientId,
    cacheLocation: 'memory',
    useRefreshTokens: true,
    useRefreshTokensFallback: true,
    authorizeTimeoutInSeconds: 10,
    workerUrl: `${SDK}/auth0-spa-js.worker.production.js`,
    authorizationParams: { audience, scope, redirect_uri: home },
  });

  return {
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
      return user && { name: user.name ?? user.sub ?? '', email: user.email ?? '' };
    },
    logIn: () => client.loginWithRedirect(),
    logOut: () => client.logout({ logoutParams: { returnTo: home } }),
    async token({ renew = false } = {}) {
      return (await client.getTokenSilently({ cacheMode: renew ? 'off' : 'on' })) ?? '';
    },
  };
}
