/**
 * The addresses of the tenant, all derived from the port, and the checks that keep others from it. The issuer ends in a
 * slash, as Auth0's does. All loopback names of the port count as the same tenant.
 */
import type { RequestHandler } from 'express';

export interface Addresses {
  readonly port: number;
  readonly url: string;
  readonly issuer: string;
  readonly userinfoAudience: string;
  readonly managementAudience: string;
  /** True for the Management API audience under any loopback name of this port, with http or https. */
  isManagementAudience(audience: string): boolean;
  /** True for the issuer under any loopback name of this port, with http or https (slash required, as at Auth0). */
  isIssuer(identifier: string): boolean;
}

/** Derives every identifier of a tenant from the port it listens on. */
export function createAddresses(port: number): Addresses {
  const url = `http://localhost:${port}`;
  const origins = ['localhost', '127.0.0.1', '[::1]'].flatMap((host) =>
    ['http', 'https'].map((scheme) => `${scheme}://${host}:${port}`),
  );
  return {
    port,
    url,
    issuer: `${url}/`,
    userinfoAudience: `${url}/userinfo`,
    managementAudience: `${url}/api/v2/`,
    isManagementAudience: (audience) => origins.some((origin) => audience === `${origin}/api/v2/`),
    isIssuer: (identifier) => origins.some((origin) => identifier === `${origin}/`),
  };
}

/**
 * True for a web origin on this machine, any port, and for those of Capacitor and Ionic: the only origins the local
 * tenant deals with.
 */
export function isLocalOrigin(origin: string): boolean {
  return /^(?:https?:\/\/(?:localhost|127\.0\.0\.1)(?::\d{1,5})?|(?:capacitor|ionic):\/\/localhost)$/.test(
    origin,
  );
}

/** True for a URL of http or https whose origin is local. Callback and logout URLs must pass it. */
export function isLocalUrl(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { origin, username, password } = new URL(address);
  return isLocalOrigin(origin) && username === '' && password === '';
}

// Web pages elsewhere must not reach the tenant through the user's browser. A foreign `Host` (DNS rebinding) is refused,
// and a foreign `Origin` where no token is needed.

/** Refuses requests whose `Host` is not a loopback name. */
export const requireLoopbackHost: RequestHandler = (request, response, next) => {
  if (/^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i.test(request.headers.host ?? '')) {
    next();
    return;
  }
  response
    .status(421)
    .json({ error: 'misdirected_request', message: 'The local tenant answers to loopback names' });
};

/** Refuses requests that a browser sent for a page of another machine. */
export const requireLocalOrigin: RequestHandler = (request, response, next) => {
  const { origin } = request.headers;
  if (origin === undefined || isLocalOrigin(origin)) {
    next();
    return;
  }
  response
    .status(403)
    .json({ error: 'origin_not_allowed', message: 'Control endpoints are for this machine' });
};

// CORS for web pages on this machine, as Auth0 allows it to an application's origins.

const EXPOSED = 'DPoP-Nonce, WWW-Authenticate, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset';
const ALLOWED = 'auth0-client, authorization, content-type, dpop, x-correlation-id';

/** Middleware that responds to preflights and adds the CORS headers. */
export const allowLocalOrigins: RequestHandler = (request, response, next) => {
  response.vary('origin');
  const { origin } = request.headers;
  const allowed = origin !== undefined && isLocalOrigin(origin);
  if (allowed) {
    response.set({ 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED });
  }
  if (request.method !== 'OPTIONS') {
    next();
    return;
  }
  if (allowed) {
    response.set({
      'access-control-allow-methods': 'GET, POST, PATCH, OPTIONS',
      'access-control-allow-headers': ALLOWED,
      'access-control-max-age': '600',
    });
  }
  response.status(204).end();
};
