/**
 * The names this tenant goes by. Everything is derived from the port, and the issuer always ends in a slash, as at
 * Auth0; loopback spellings of the same port count as the same tenant wherever an audience is compared.
 */

/** The identifier of the API that the local tenant issues user tokens for. */
export const API_AUDIENCE = 'https://metadata-bff.local';

export interface Addresses {
  readonly port: number;
  readonly url: string;
  readonly issuer: string;
  readonly userinfoAudience: string;
  readonly managementAudience: string;
  readonly apiAudience: string;
  /** True for the Management API audience under any loopback name of this port. */
  isManagementAudience(audience: string): boolean;
  /** True for the issuer under any loopback name of this port (slash required, as at Auth0). */
  isIssuer(identifier: string): boolean;
}

/** Derives every identifier of a tenant from the port it listens on. */
export function createAddresses(port: number): Addresses {
  const url = `http://localhost:${port}`;
  const origins = [url, `http://127.0.0.1:${port}`, `http://[::1]:${port}`];
  return {
    port,
    url,
    issuer: `${url}/`,
    userinfoAudience: `${url}/userinfo`,
    managementAudience: `${url}/api/v2/`,
    apiAudience: API_AUDIENCE,
    isManagementAudience: (audience) => origins.some((origin) => audience === `${origin}/api/v2/`),
    isIssuer: (identifier) => origins.some((origin) => identifier === `${origin}/`),
  };
}

/** True for a web origin on this machine, any port: the only origins the local tenant deals with. */
export function isLocalOrigin(origin: string): boolean {
  return /^http:\/\/(?:localhost|127\.0\.0\.1)(?::\d{1,5})?$/.test(origin);
}

/** True for an http URL whose origin is local. Callback and logout addresses are held against this. */
export function isLocalUrl(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { origin, username, password } = new URL(address);
  return isLocalOrigin(origin) && username === '' && password === '';
}
