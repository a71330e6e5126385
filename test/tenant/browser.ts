/**
 * A browser as far as a log-in needs one: keeps cookies by path, follows no redirect by itself, and speaks OAuth's code
 * flow with PKCE for the application `local-spa`.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type JsonAnswer, requestJson } from './tenant-client.ts';

export interface Browser {
  fetch(address: string, init?: RequestInit): Promise<Response>;
  /** Opens an authorization request and gives the response after `prompt=none` or up to the log-in form. */
  authorize(parameters?: Readonly<Record<string, string>>): Promise<Response>;
  /** Logs in through the form and gives the authorization code. */
  logIn(
    credentials: { username: string; password: string },
    parameters?: Readonly<Record<string, string>>,
  ): Promise<string>;
  exchangeCode(code: string): Promise<JsonAnswer>;
  postToken(
    parameters: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<JsonAnswer>;
  readonly verifier: string;
}

export const CALLBACK = 'http://localhost:5173/callback';

/** A browser without cookies, pointed at the tenant at `url`. */
export function createBrowser(url: string): Browser {
  const jar = new Map<string, { value: string; path: string }>();
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');

  const browser: Browser = {
    verifier,
    async fetch(address, init = {}) {
      const target = new URL(address, url);
      const headers = new Headers(init.headers);
      const sent = [...jar].filter(([, cookie]) => target.pathname.startsWith(cookie.path));
      headers.set('cookie', sent.map(([name, { value }]) => `${name}=${value}`).join('; '));
      const response = await fetch(target, { ...init, headers, redirect: 'manual' });
      for (const line of response.headers.getSetCookie()) store(line);
      return response;
    },
    async authorize(parameters = {}) {
      const query = new URLSearchParams({
        client_id: 'local-spa',
        response_type: 'code',
        redirect_uri: CALLBACK,
        audience: 'https://metadata-bff.local',
        scope: 'openid profile email offline_access read:metadata update:metadata launch:missiles',
        state: 'the-state',
        nonce: 'the-nonce',
        code_challenge: challenge,
        code_challenge_method: 'S256',
        connection: 'Username-Password-Authentication',
        auth0Client: 'eyJuYW1lIjoidGVzdCJ9',
        ...parameters,
      });
      return browser.fetch(`/authorize?${query.toString()}`);
    },
    async logIn(credentials, parameters = {}) {
      const form = (await browser.authorize(parameters)).headers.get('location') ?? '';
      const submitted = await browser.fetch(form, { method: 'POST', body: new URLSearchParams(credentials) });
      const resumed = await browser.fetch(submitted.headers.get('location') ?? '');
      return new URL(resumed.headers.get('location') ?? '').searchParams.get('code') ?? '';
    },
    exchangeCode: (code) =>
      browser.postToken({
        client_id: 'local-spa',
        grant_type: 'authorization_code',
        code,
        code_verifier: verifier,
        redirect_uri: CALLBACK,
      }),
    postToken: (parameters, headers = {}) =>
      requestJson(`${url}/oauth/token`, {
        method: 'POST',
        headers: { origin: 'http://localhost:5173', ...headers },
        body: new URLSearchParams(parameters),
      }),
  };
  return browser;

  function store(line: string): void {
    const [pair = '', ...attributes] = line.split('; ');
    const [name = '', value = ''] = pair.split('=');
    const path = attributes.find((attribute) => attribute.startsWith('path='))?.slice(5) ?? '/';
    const expiry = attributes.find((attribute) => /^expires=/i.test(attribute))?.slice(8);
    if (expiry !== undefined && Date.parse(expiry) < Date.now()) jar.delete(name);
    else jar.set(name, { value, path });
  }
}
